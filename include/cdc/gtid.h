/*
 * gtid.h -- the names of MySQL's and MariaDB's transactions, and sets of them.
 *
 * MySQL: UUID[:tag]:number, and a set is any union of intervals for each UUID and tag.
 * MariaDB: domain-server-sequence, and a "set" is a list with the last one of each domain: it holds
 * every transaction of that domain up to it (gtid_strict_mode's promise).
 *
 * A set is built by one owner (gtid_set_new, _add, _parse ...) and may then be shared: gtid_set_keep and
 * gtid_set_release count references, and a shared set is never changed (gtid_set_copy makes one that may
 * be). Origins (a UUID with a tag) are interned: equal ones are the same pointer, for ever.
 *
 * Text, as the servers print and read it: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7:tag:1-3,…" and
 * "0-1-5,1-5-7". Parsing takes upper case, spaces and line breaks; printing is canonical: lower case,
 * sorted by UUID, then tag; by domain; no spaces. A list with a domain twice is refused. Numbers have no
 * leading zeros and intervals don't go back: MySQL would take them for something else.
 *
 * Bytes: what COM_BINLOG_DUMP_GTID takes and PREVIOUS_GTIDS holds, untagged and (MySQL 8.3) tagged.
 *
 * Limits: GTID_SET_BYTES_MAX of text, GTID_ORIGINS_MAX origins, GTID_INTERVALS_MAX intervals; beyond is an
 * ERROR_CONFIG with E_GTID. Anything that can't be read is that too; nothing is guessed. Every set there is
 * keeps them, so what is printed can be read again. What can't be taken leaves what was there.
 *
 * Threads: functions are pure but for the intern table, which has a lock. To give a function a set or a GTID
 * of the other server's kind is a mistake of the program (an assert), except to gtid_set_equal.
 */
#ifndef CDC_GTID_H
#define CDC_GTID_H

#include <stdatomic.h>

#include "cdc/bytes.h"
#include "cdc/error.h"

enum gtid_kind { GTID_MYSQL = 1, GTID_MARIADB = 2 };

enum {
    GTID_TAG_MAX = 32,
    GTID_TEXT_MAX = 96, /* one GTID as text, with its NUL: 36 + 1 + 32 + 1 + 20 */
    GTID_SET_BYTES_MAX = 1 << 20,
    GTID_ORIGINS_MAX = 16384,
    GTID_INTERVALS_MAX = 65536,
};

struct gtid_origin {
    uint8_t uuid[16];
    char tag[GTID_TAG_MAX + 1]; /* "" for none; a-z, 0-9, _; does not begin with a digit */
};

/* One transaction's name; number 0: none. */
struct gtid {
    const struct gtid_origin *origin; /* MySQL; NULL: MariaDB's */
    uint32_t domain, server;          /* MariaDB */
    uint64_t number;                  /* from 1 to INT64_MAX - 1 */
};

/* The interned origin; a tag is taken in any case and kept in lower. NULL when out of memory (or past
 * INTERNED_MAX) or the tag is not one. */
const struct gtid_origin *gtid_origin(const uint8_t uuid[16], const char *tag, size_t tag_len);

bool gtid_equal(const struct gtid *a, const struct gtid *b);
/* Into `text` (GTID_TEXT_MAX); returns its length. */
size_t gtid_print(const struct gtid *, char *text);
int gtid_parse(struct gtid *out, const char *text, struct error *err);

struct gtid_set;

struct gtid_set *gtid_set_new(enum gtid_kind); /* empty; NULL: out of memory */
struct gtid_set *gtid_set_copy(const struct gtid_set *);
struct gtid_set *gtid_set_keep(struct gtid_set *);
void gtid_set_release(struct gtid_set *); /* NULL is nothing */

enum gtid_kind gtid_set_kind(const struct gtid_set *);
bool gtid_set_empty(const struct gtid_set *);

/* Put one in. Fast when it follows the last one of its origin. MariaDB: replaces the domain's entry, even by
 * a smaller number. -1: out of its bounds, past a limit or out of memory, and the set is as it was. */
int gtid_set_add(struct gtid_set *, const struct gtid *, struct error *err);
/* MySQL: first to last, both included. */
int gtid_set_add_range(struct gtid_set *, const struct gtid_origin *, uint64_t first, uint64_t last,
                       struct error *err);

/* MariaDB: the number is not above the domain's, whichever server it names. */
bool gtid_set_contains(const struct gtid_set *, const struct gtid *);
bool gtid_set_equal(const struct gtid_set *, const struct gtid_set *);
/* Everything of `a` is in `b`. */
bool gtid_set_subset(const struct gtid_set *a, const struct gtid_set *b);

/* New sets of the same kind; NULL when out of memory, or when the result would be past a limit. MariaDB: for
 * each domain the smaller sequence, a domain that one lacks is left out. */
struct gtid_set *gtid_set_intersect(const struct gtid_set *a, const struct gtid_set *b);
/* MySQL only: what is in `a` and not in `b`. */
struct gtid_set *gtid_set_subtract(const struct gtid_set *a, const struct gtid_set *b);
/* How many transactions (MySQL); MariaDB: how many domains. Stops at UINT64_MAX. */
uint64_t gtid_set_count(const struct gtid_set *);

/* MariaDB: the entry of a domain, if there is one. */
bool gtid_set_domain(const struct gtid_set *, uint32_t domain, struct gtid *out);

void gtid_set_print(const struct gtid_set *, struct buffer *out);
int gtid_set_parse(struct gtid_set **out, enum gtid_kind, const char *text, struct error *err);

/* MySQL's binary form; decode takes the whole slice, any bytes, in any order. MariaDB's GTID_LIST entries
 * have no need of one: the framer reads them itself. */
void gtid_set_encode(const struct gtid_set *, struct buffer *out);
int gtid_set_decode(struct gtid_set **out, struct bytes in, struct error *err);

#endif
