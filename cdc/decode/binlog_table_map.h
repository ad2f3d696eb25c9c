/*
 * binlog_table_map.h -- TABLE_MAP to a relation.
 *
 * With binlog_row_metadata=FULL the event says everything: names, types, signs, character sets, labels, the primary
 * key. Without, or where MariaDB writes a type as another one (UUID as BINARY(16)), `describe` is asked, which
 * looks into the catalogue or refuses.
 *
 * Sources: protocols B6; MySQL 9.7.4, MariaDB 10.11.19. Threads: the source's.
 * Errors: ERROR_RETRY with E_PROTOCOL; ERROR_CONFIG with E_TYPE, E_ROW_METADATA; they name the table.
 */
#ifndef CDC_BINLOG_TABLE_MAP_H
#define CDC_BINLOG_TABLE_MAP_H

#include "binlog_column.h"
#include "cdc/error.h"

enum binlog_missing {
    MISSING_NAMES = 1,     /* names, signs, character sets, labels and key: the event has types only */
    MISSING_DISGUISES = 2, /* some column may be MariaDB's UUID, INET4, INET6 or VECTOR */
    MISSING_FRACTIONS = 4, /* some column is a time in MariaDB's form of before 5.6, which may have a fraction */
};

struct binlog_reading {
    bool mariadb;
    /* Character set of a collation; binlog_charset_of_collation where the server did not tell more. */
    enum binlog_charset (*charset_of)(void *arg, uint32_t collation);
    /* Fill in what is missing of rel->columns[i].name and columns[i] (labels, name in rel->arena). -1 with *err. */
    int (*describe)(void *arg, struct relation *rel, struct binlog_column *columns, unsigned missing,
                    struct error *err);
    void *arg;
};

/* What a TABLE_MAP's body begins with. */
struct binlog_table_name {
    uint64_t table_id;
    struct bytes schema, table; /* without their zeros */
    struct bytes shape;         /* all behind the names: equal bytes are equal tables */
};
int binlog_table_name_read(struct bytes body, struct binlog_table_name *out, struct error *err);

/* A sealed relation with one reference. `captured` is the caller's to set before anybody else sees it. */
int binlog_table_map_read(const struct binlog_reading *, const struct binlog_table_name *, struct relation **out,
                          struct error *err);

#endif
