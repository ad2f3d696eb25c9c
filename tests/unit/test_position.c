/* test_position.c -- covers, done, advance and meet, and the text form both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cdc/error.h"
#include "cdc/position.h"
#include "cdc/xa.h"

static const struct position none;

static struct position
at(uint64_t end)
{
    return (struct position){.kind = POSITION_LSN, .end = end};
}

static struct position
inside(uint64_t end, uint64_t open, uint64_t done)
{
    return (struct position){.kind = POSITION_LSN, .end = end, .open = open, .done = done};
}

static struct transaction
txn(uint64_t final, uint64_t end)
{
    return (struct transaction){.final = final, .end = end};
}

static void
assert_place(struct position got, struct position want)
{
    char a[POSITION_TEXT_MAX], b[POSITION_TEXT_MAX];

    if (!position_equal(&got, &want))
        fail_msg("%s, expected %s", position_print(&got, a), position_print(&want, b));
}

static void
a_transaction_is_covered_when_its_commit_starts_before_the_end(void **state)
{
    struct position pos = at(0x1000);
    struct transaction before = txn(0xfff, 0x1000), first = txn(0x1000, 0x1030);

    (void)state;
    assert_true(position_covers(&pos, &before));
    assert_false(position_covers(&pos, &first)); /* the server's rule: it starts at the confirmed place */
    assert_false(position_covers(&none, &before));
}

static void
nothing_of_a_new_transaction_is_done_and_all_of_a_covered_one(void **state)
{
    struct position pos = inside(0x1000, 0x2000, 7);
    struct transaction before = txn(0xfff, 0x1000), open = txn(0x2000, 0x2030), later = txn(0x3000, 0x3030);
    struct transaction between = txn(0x1800, 0x1830);

    (void)state;
    assert_true(position_done(&pos, &before) == UINT64_MAX);
    assert_int_equal(position_done(&pos, &open), 7);
    assert_int_equal(position_done(&pos, &later), 0);
    assert_int_equal(position_done(&pos, &between), 0);
    assert_int_equal(position_done(&none, &open), 0);
}

static void
a_count_belongs_to_its_transaction_only(void **state)
{
    struct position pos = at(0x1000);
    struct transaction one = txn(0x2000, 0x2030), two = txn(0x3000, 0x3030);

    (void)state;
    position_advance_part(&pos, &one, 5);
    assert_place(pos, inside(0x1000, 0x2000, 5));
    assert_int_equal(position_done(&pos, &two), 0);
    position_advance_whole(&pos, &one);
    assert_place(pos, at(0x2030));
    position_advance_part(&pos, &two, 1);
    assert_place(pos, inside(0x2030, 0x3000, 1));
    assert_true(position_covers(&pos, &one));
}

static void
the_first_transaction_gives_a_position_to_one_that_had_none(void **state)
{
    struct position pos = none;
    struct transaction one = txn(0x2000, 0x2030);

    (void)state;
    position_advance_part(&pos, &one, 1);
    assert_place(pos, inside(0, 0x2000, 1));
    position_advance_whole(&pos, &one);
    assert_place(pos, at(0x2030));
}

static void
two_positions_meet_at_the_older_one(void **state)
{
    /* oldest first */
    const struct position line[] = {at(0x1000), at(0x1800), inside(0x1000, 0x2000, 1),
                                    inside(0x1000, 0x2000, 4), inside(0x1000, 0x2000, 5), at(0x2030),
                                    inside(0x2030, 0x3000, 1), at(0x3030)};
    size_t n = sizeof(line) / sizeof(line[0]);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++)
            assert_place(position_meet(&line[i], &line[k]), line[i < k ? i : k]);
        assert_place(position_meet(&line[i], &none), none);
        assert_place(position_meet(&none, &line[i]), none);
    }
    assert_place(position_meet(&none, &none), none);
}

static void
the_text_form_reads_back_as_the_same_position(void **state)
{
    const struct position places[] = {none, at(1), at(0x16B374D848), at(UINT64_MAX),
                                      inside(0x10, 0x20, 0), inside(0x10, 0x20, 1234),
                                      inside(0x10, 0x10, 1),
                                      inside(UINT64_MAX, UINT64_MAX, UINT64_MAX - 1)};

    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct error err = ERROR_INIT;
        struct position back;
        char text[POSITION_TEXT_MAX];

        if (position_parse(&back, position_print(&places[i], text), &err) == -1)
            fail_msg("%s: %s", text, err.text);
        assert_place(back, places[i]);
    }
}

static void
positions_are_printed_as_the_server_prints_them(void **state)
{
    struct position place = at(0x16B374D848), part = inside(0x16B374D848, UINT64_C(0x170000000A), 1234);
    char text[POSITION_TEXT_MAX];

    (void)state;
    assert_string_equal(position_print(&none, text), "none");
    assert_string_equal(position_print(&place, text), "lsn:16/B374D848");
    assert_string_equal(position_print(&part, text), "lsn:16/B374D848+17/A/1234");
    assert_string_equal(lsn_print(0, text), "0/0");
    assert_string_equal(lsn_print(UINT64_MAX, text), "FFFFFFFF/FFFFFFFF");
}

static void
a_bare_lsn_in_either_case_is_a_position(void **state)
{
    struct error err = ERROR_INIT;
    struct position pos;

    (void)state;
    assert_int_equal(position_parse(&pos, "16/b374d848", &err), 0);
    assert_place(pos, at(0x16B374D848));
    assert_int_equal(position_parse(&pos, "00000016/B374D848", &err), 0);
    assert_place(pos, at(0x16B374D848));
    assert_int_equal(position_parse(&pos, "0/10+0/20/3", &err), 0);
    assert_place(pos, inside(0x10, 0x20, 3));
}

static void
what_is_not_a_position_is_refused_and_leaves_the_old_one(void **state)
{
    static const char *const texts[] = {
        "", " ", "lsn:", "none ", "None", "0/0", "lsn:0/0", "16", "16/", "/16", "16/B374D848 ", " 0/1",
        "+0/1", "-0/1", "0x1/2", "0/1/2", "123456789/1", "0/123456789", "0/000000001", "G/1", "0/G",
        "lsn:lsn:0/1", "LSN:0/1", "0/1+", "0/1+0/2", "0/1+0/2/", "0/1+0/2/x", "0/1+0/2/1x", "0/1+0/2/-1",
        "0/1+0/2/ 1", "0/1+2/1", "0/10+0/F/1", "0/1+0/2/18446744073709551615",
        "0/1+0/2/18446744073709551616", "0/1+0/2/99999999999999999999999", "0/1+0/2/1+0/3/1", "0/1\n",
        "3E11FA47-71CA-11E1-9E33-C80AA9429562:1-5", "mysql-bin.000003:154",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct position pos = at(7);
        struct error err = ERROR_INIT;

        if (position_parse(&pos, texts[i], &err) != -1)
            fail_msg("\"%s\" is taken for a position", texts[i]);
        assert_int_equal(err.kind, ERROR_CONFIG);
        assert_string_equal(err.code, "E_POSITION");
        assert_place(pos, at(7));
    }
}

static void
an_lsn_is_read_whole_or_not_at_all(void **state)
{
    uint64_t lsn;

    (void)state;
    assert_true(lsn_parse(&lsn, "0/0"));
    assert_true(lsn == 0);
    assert_true(lsn_parse(&lsn, "FFFFFFFF/FFFFFFFF"));
    assert_true(lsn == UINT64_MAX);
    assert_false(lsn_parse(&lsn, "0/1 "));
    assert_false(lsn_parse(&lsn, "0/1/1"));
    assert_false(lsn_parse(&lsn, "lsn:0/1"));
    assert_false(lsn_parse(&lsn, ""));
}

/* ---- binlogs ---- */

#define A "3e11fa47-71ca-11e1-9e33-c80aa9429562"
#define B "ffffffff-0000-0000-0000-000000000001"

static struct position
parsed(const char *text)
{
    struct position pos = {.kind = POSITION_NONE};
    struct error err = ERROR_INIT;

    if (position_parse(&pos, text, &err) == -1)
        fail_msg("%s: %s", text, err.text);
    return pos;
}

/* Takes the position. */
static void
assert_text(struct position pos, const char *want)
{
    char text[POSITION_TEXT_MAX];

    assert_string_equal(position_print(&pos, text), want);
    position_clear(&pos);
}

static struct transaction
named(const char *name)
{
    struct transaction t = {.xid = 0};
    char inside[200];
    struct position pos;
    bool file = strchr(name, '.') != NULL;

    snprintf(inside, sizeof(inside), "%s+%s/1/1/s", file ? "file:binlog.000001/4" : strchr(name, ':') != NULL ? "gtid:" : "mariadb:",
             name);
    pos = parsed(inside);
    t.gtid = pos.place->inside;
    t.begin = pos.place->inside_at;
    if (file) {
        t.after = t.begin;
        t.after.pos += 100;
    }
    position_clear(&pos);
    return t;
}

static void
binlog_positions_read_back_as_they_were(void **state)
{
    static const char *const texts[] = {
        "gtid:",
        "mariadb:",
        "gtid:" A ":1-5:7:tag:1-3," B ":9223372036854775806",
        "gtid:" A ":1-5@binlog.000003/1234",
        "gtid:" A ":1-5@binlog.000003/1234+" A ":6/3/40/" A,
        "gtid:" A ":1-5+" A ":tag:6/18446744073709551614/0/s",
        "gtid:+" A ":1/1/1/x",
        "mariadb:0-1-5,1-5-7",
        "mariadb:0-1-5@mysql-bin.000001/4+0-2-6/3/40/1",
        "mariadb:@a.b.c.999999/4",
        "file:binlog.000003/4",
        "file:binlog.4294967295/18446744073709551614",
        "file:binlog.1000000/4+binlog.1000000:4/3/40/" A,
        "file:bin log.000001/4",
        "file:a+b.000003/1234",
        "file:a@b.000003/4+a@b.000003:900/3/40/" A,
        "file:+.000001/4++.000001:4/1/0/s",
        "file:a:1-2.000001/4+a:1-2.000001:9/1/1/s",
        "gtid:" A ":1-5@a+b@c.000003/1234+" A ":6/3/40/" A,
        "gtid:@+.000001/4",
        "mariadb:0-1-5@0-1-6+0-1-7.000001/4+0-2-6/3/40/1",
        "mariadb:+@@+.000001:4/1/1/1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct position pos = parsed(texts[i]), again;
        struct buffer whole = {0};

        position_put(&pos, &whole);
        assert_string_equal(buffer_cstr(&whole), texts[i]);
        again = parsed(buffer_cstr(&whole));
        assert_place(again, pos);
        assert_int_equal(again.rows, pos.rows);
        buffer_free(&whole);
        position_clear(&again);
        assert_text(pos, texts[i]);
    }
    assert_text(parsed("gtid: " A ":3:1-2 ,\n" A ":TAG:1"), "gtid:" A ":1-3:tag:1");
    assert_text(parsed("file:binlog.1/4"), "file:binlog.000001/4");
}

/* What a server may call its binlog: anything but a zero and a slash. */
static void
random_base(char *out, uint32_t *seed)
{
    static const char marks[] = "+@:.-/,0123456789ab %\"'\\\xc3\xa4";
    size_t n = 0, len;

    *seed = *seed * 1103515245 + 12345;
    len = 1 + (*seed >> 16) % (LOG_BASE_MAX - 1);
    while (n < len) {
        *seed = *seed * 1103515245 + 12345;
        out[n] = marks[(*seed >> 16) % (sizeof(marks) - 1)];
        n += out[n] != '/';
    }
    out[n] = 0;
}

static void
whatever_a_binlog_is_called_its_positions_read_back(void **state)
{
    static const char *const sets[] = {"file:", "gtid:" A ":1-5@", "mariadb:@", "mariadb:0-1-5@"};
    static const char *const insides[] = {"", "+" A ":6/1/0/s", "+0-1-6/1/0/s"};
    uint32_t seed = 1;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        char base[LOG_BASE_MAX], text[POSITION_TEXT_MAX];
        int set = i % 4, n;

        random_base(base, &seed);
        n = snprintf(text, sizeof(text), "%s%s.000007/%d", sets[set], base, i);
        if (i % 8 >= 4 && (set == 0 || i % 16 >= 8))
            snprintf(text + n, sizeof(text) - (size_t)n, "+%.50s.000008:%d/1/2/s", base, i);
        else if (i % 8 >= 4)
            snprintf(text + n, sizeof(text) - (size_t)n, "%s", insides[set == 1 ? 1 : 2]);
        assert_text(parsed(text), text);
    }
}

static void
what_is_not_a_binlog_position_is_refused(void **state)
{
    static const char *const texts[] = {
        "gtid",
        "GTID:",
        "gtid:0-1-5",
        "mariadb:" A ":1",
        "gtid:" A,
        "gtid:" A ":0",
        "gtid:" A ":5-",
        "mariadb:0-1-5,0-2-6",
        "gtid:" A ":1@",
        "gtid:" A ":1@binlog/4",
        "gtid:" A ":1@binlog.000001",
        "gtid:" A ":1@binlog.000000/4",
        "gtid:" A ":1@binlog.000001/x",
        "gtid:" A ":1@binlog.000001/18446744073709551615",
        "gtid:" A ":1+",
        "gtid:" A ":1+" A ":2",
        "gtid:" A ":1+" A ":2/1",
        "gtid:" A ":1+" A ":2/1/1",
        "gtid:" A ":1+" A ":2/1/1/",
        "gtid:" A ":1+/1/1/s",
        "gtid:" A ":1+" A "/1/1/s",
        "gtid:" A ":1+0-1-2/1/1/s",
        "mariadb:0-1-1+" A ":2/1/1/s",
        "gtid:" A ":1+" A ":2/-1/1/s",
        "gtid:" A ":1+" A ":2/1/x/s",
        "gtid:" A ":1+" A ":2/18446744073709551615/1/s",
        "gtid:" A ":1+" A ":2/1/1/0123456789012345678901234567890123456789",
        "gtid:" A ":1+" A ":2/1/1/a\"b",
        "file:",
        "file:binlog.000001",
        "file:binlog.000001/",
        "file:binlog/4",
        "file:.000001/4",
        "file:binlog.000001/4+binlog.000001:4/1/1",
        "file:binlog.000001/4+" A ":5/1/1/s",
        "file:binlog.99999999999/4",
        "gtid:" A ":1+" A ":2/0/0/s",
        "gtid:" A ":1+" A ":2/0/1/s",
        "file:binlog.000001/4+binlog.000001:4/0/0/s",
        "gtid:" A ":1+" A ":2/1/1/s/",
        "gtid:" A ":1+" A ":2/1/1/s/s",
        "gtid:" A ":1+" A ":2/1/1/s+" A ":3/1/1/s/s",
        "gtid:" A ":1@binlog.000001/4@binlog.000001/4",
        "file:binlog.000001/4@binlog.000001/4",
        "file:log/binlog.000001/4",
        "file:binlog.000001/4+",
        "file:binlog.000001/4+binlog.000001/1/1/s",
        "file:binlog.000001/4+log/binlog.000001:4/1/1/s",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct position pos = at(7);
        struct error err = ERROR_INIT;

        if (position_parse(&pos, texts[i], &err) != -1)
            fail_msg("\"%s\" is taken for a position", texts[i]);
        assert_int_equal(err.kind, ERROR_CONFIG);
        assert_string_equal(err.code, "E_POSITION");
        assert_place(pos, at(7));
    }
}

static void
a_refusal_says_what_is_wrong(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"gtid:" A ":1+" A ":2/0/0/s", "of which no row event is done"},
        {"gtid:" A ":1+" A ":2/1/s", "four parts"},
        {"gtid:" A ":1+0-1-2/1/1/s", "behind + stands a transaction"},
        {"mariadb:0-1", "the set of GTIDs"},
        {"file:binlog.000001/x", "an offset in a file"},
        {"file:binlog/4", "a dot and a number"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct position pos = none;
        struct error err = ERROR_INIT;

        assert_int_equal(position_parse(&pos, cases[i].text, &err), -1);
        if (strstr(err.text, cases[i].why) == NULL)
            fail_msg("%s: %s", cases[i].text, err.text);
    }
}

static void
a_long_position_is_shown_cut(void **state)
{
    struct buffer text = {0};
    struct position pos;
    char shown[POSITION_TEXT_MAX];

    (void)state;
    buffer_put_string(&text, "gtid:" A);
    for (int i = 1; i < 400; i += 2)
        buffer_printf(&text, ":%d", i);
    buffer_put_string(&text, "@binlog.000001/4");
    pos = parsed(buffer_cstr(&text));
    position_print(&pos, shown);
    assert_int_equal(strlen(shown), 303);
    assert_memory_equal(shown + 200, "...", 3);
    assert_string_equal(shown + 303 - 16, "@binlog.000001/4");
    position_clear(&pos);
    buffer_free(&text);
}

static void
a_set_covers_its_transactions_and_a_place_those_before_it(void **state)
{
    static const struct {
        const char *pos, *transaction;
        uint64_t done;
    } cases[] = {
        {"gtid:" A ":1-5", A ":5", UINT64_MAX},
        {"gtid:" A ":1-5", A ":6", 0},
        {"gtid:" A ":1-5", B ":5", 0},
        {"gtid:" A ":1-5", A ":tag:5", 0},
        {"gtid:" A ":1-5+" A ":6/7/9/s", A ":6", 7},
        {"gtid:" A ":1-5+" A ":6/7/9/s", A ":7", 0},
        {"gtid:" A ":1-5+" A ":6/7/9/s", A ":5", UINT64_MAX},
        {"mariadb:0-1-5", "0-2-5", UINT64_MAX},
        {"mariadb:0-1-5", "0-2-6", 0},
        {"mariadb:0-1-5", "1-1-1", 0},
        {"mariadb:0-1-5+0-1-6/7/9/s", "0-1-6", 7},
        {"mariadb:0-1-5+0-1-6/7/9/s", "0-2-6", 0},
        {"file:binlog.000003/500", "binlog.000003:499", UINT64_MAX},
        {"file:binlog.000003/500", "binlog.000003:500", 0},
        {"file:binlog.000003/500", "binlog.000002:9999", UINT64_MAX},
        {"file:binlog.000003/500", "binlog.000004:4", 0},
        {"file:binlog.000003/500", "other.000001:4", 0},
        {"file:binlog.000003/500+binlog.000003:600/7/9/s", "binlog.000003:600", 7},
        {"file:binlog.000003/500+binlog.000003:600/7/9/s", "binlog.000003:700", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct position pos = parsed(cases[i].pos);
        struct transaction t = named(cases[i].transaction);

        if (position_done(&pos, &t) != cases[i].done || position_covers(&pos, &t) != (cases[i].done == UINT64_MAX))
            fail_msg("of %s %llu are done at %s", cases[i].transaction, (unsigned long long)position_done(&pos, &t),
                     cases[i].pos);
        position_clear(&pos);
    }
}

static void
advancing_makes_another_place_and_leaves_copies_alone(void **state)
{
    static const struct {
        const char *from, *transaction, *part, *more, *whole;
    } cases[] = {
        {"gtid:" A ":1-5", A ":6", "gtid:" A ":1-5+" A ":6/3/0/", "gtid:" A ":1-5+" A ":6/4/0/", "gtid:" A ":1-6"},
        {"mariadb:0-1-5,1-1-1", "0-2-9", "mariadb:0-1-5,1-1-1+0-2-9/3/0/", "mariadb:0-1-5,1-1-1+0-2-9/4/0/",
         "mariadb:0-2-9,1-1-1"},
        {"file:binlog.000003/500", "binlog.000003:600", "file:binlog.000003/500+binlog.000003:600/3/0/",
         "file:binlog.000003/500+binlog.000003:600/4/0/", "file:binlog.000003/700"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct position pos = parsed(cases[i].from), before = none, part = none;
        struct transaction t = named(cases[i].transaction);

        position_copy(&before, &pos);
        position_advance_part(&pos, &t, 3);
        position_copy(&part, &pos);
        position_advance_part(&pos, &t, 4);
        assert_int_equal(position_done(&pos, &t), 4);
        assert_int_equal(position_done(&part, &t), 3);
        assert_text(pos, cases[i].more);
        position_advance_whole(&part, &t);
        assert_true(position_covers(&part, &t));
        assert_text(part, cases[i].whole);
        part = none;
        assert_int_equal(position_done(&before, &t), 0);
        position_copy(&part, &before);
        position_clear(&before);
        position_advance_part(&part, &t, 3);
        assert_text(part, cases[i].part);
    }
}

static void
copies_and_moves_count(void **state)
{
    struct position a = parsed("gtid:" A ":1-5"), b = parsed("file:binlog.000003/500"), c = none;

    (void)state;
    position_copy(&c, &a);
    assert_int_equal(atomic_load(&a.place->references), 2);
    position_copy(&c, &c); /* onto itself */
    assert_int_equal(atomic_load(&a.place->references), 2);
    position_copy(&c, &b);
    assert_int_equal(atomic_load(&a.place->references), 1);
    position_move(&c, &a);
    assert_int_equal(a.kind, POSITION_NONE);
    assert_null(a.place);
    position_clear(&a);
    position_clear(&b);
    assert_text(c, "gtid:" A ":1-5");
}

static void
binlog_positions_meet_at_the_older_one(void **state)
{
    /* oldest first */
    static const char *const lines[][6] = {
        {"gtid:" A ":1", "gtid:" A ":1+" A ":2/1/1/s", "gtid:" A ":1+" A ":2/5/9/s", "gtid:" A ":1-2",
         "gtid:" A ":1-2," B ":7", "gtid:" A ":1-2," B ":7-9+" A ":3/1/1/s"},
        {"mariadb:0-1-1", "mariadb:0-1-1+0-1-2/1/1/s", "mariadb:0-1-1+0-1-2/5/9/s", "mariadb:0-1-2", "mariadb:0-2-3,1-1-1",
         "mariadb:0-2-4,1-1-1+1-1-2/1/1/s"},
        {"file:binlog.000001/4", "file:binlog.000001/4+binlog.000001:40/1/1/s",
         "file:binlog.000001/4+binlog.000001:40/5/9/s", "file:binlog.000001/99", "file:binlog.000002/4",
         "file:binlog.000002/4+binlog.000002:200/1/1/s"},
    };

    (void)state;
    for (size_t line = 0; line < 3; line++) {
        for (size_t i = 0; i < 6; i++) {
            struct position a = parsed(lines[line][i]), nowhere = position_meet(&a, &none), lsn = at(5);

            assert_int_equal(nowhere.kind, POSITION_NONE);
            nowhere = position_meet(&lsn, &a);
            assert_int_equal(nowhere.kind, POSITION_NONE);
            for (size_t k = 0; k < 6; k++) {
                struct position b = parsed(lines[line][k]);
                struct position met = position_meet(&a, &b);

                assert_text(met, lines[line][i < k ? i : k]);
                position_clear(&b);
            }
            position_clear(&a);
        }
    }
}

static void
sets_that_part_meet_at_what_both_have(void **state)
{
    static const struct {
        const char *a, *b, *met;
    } cases[] = {
        {"gtid:" A ":1-5:8@binlog.000003/900", "gtid:" A ":1-6@binlog.000003/800", "gtid:" A ":1-5@binlog.000003/800"},
        {"gtid:" A ":1-5+" A ":9/4/4/s", "gtid:" A ":1-3," B ":1+" A ":9/2/3/t", "gtid:" A ":1-3+" A ":9/2/3/s"},
        {"gtid:" A ":1-5+" A ":9/4/4/s", "gtid:" A ":1-3:9," B ":1", "gtid:" A ":1-3+" A ":9/4/4/s"},
        {"gtid:" A ":1", "gtid:" B ":1", "gtid:"},
        {"mariadb:0-1-5,1-1-1", "mariadb:0-2-3,2-1-1", "mariadb:0-2-3"},
        {"file:binlog.000001/4", "file:other.000001/9", "none"},
        {"gtid:" A ":1@binlog.000003/900", "file:binlog.000003/800", "file:binlog.000003/800"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct position a = parsed(cases[i].a), b = parsed(cases[i].b), met = position_meet(&a, &b);

        assert_text(met, cases[i].met);
        met = position_meet(&b, &a);
        if (met.open == 0)
            assert_text(met, cases[i].met);
        else
            position_clear(&met);
        position_clear(&a);
        position_clear(&b);
    }
}

static struct position
prepared(const char *text, const char *const *names)
{
    struct position pos = parsed(text);

    for (; *names != NULL; names++) {
        struct xa_prepared xa = {.gtid = named(*names).gtid};
        struct xa_list *more;

        snprintf(xa.xid, sizeof(xa.xid), "xid of %s", *names);
        assert_int_equal(xa_with(pos.place->xa, &xa, &more, NULL), 0);
        xa_release(pos.place->xa);
        pos.place->xa = more;
    }
    return pos;
}

static void
prepared_transactions_meet_where_both_have_them(void **state)
{
    struct position a = prepared("gtid:" A ":1-5", (const char *const[]){A ":2", A ":5", NULL});
    struct position b = prepared("gtid:" A ":1-6", (const char *const[]){A ":2", A ":6", NULL});
    struct position c = prepared("gtid:" A ":1-3," B ":1", (const char *const[]){A ":3", A ":2", B ":1", NULL}), met;

    (void)state;
    met = position_meet(&a, &b); /* a is the older one: as it was there */
    assert_true(xa_equal(met.place->xa, a.place->xa));
    assert_true(position_equal(&met, &a));
    position_clear(&met);
    met = position_meet(&a, &c);
    assert_int_equal(met.place->xa->count, 2);
    assert_non_null(xa_find(met.place->xa, "xid of " A ":2"));
    assert_non_null(xa_find(met.place->xa, "xid of " A ":3"));
    position_clear(&met);
    met = parsed("gtid:" A ":1-5");
    assert_false(position_equal(&met, &a)); /* what is prepared belongs to the place */
    position_clear(&met);
    position_copy(&met, &a);
    position_advance_whole(&met, &(struct transaction){.gtid = named(A ":9").gtid});
    assert_true(xa_equal(met.place->xa, a.place->xa));
    position_clear(&met);
    position_clear(&a);
    position_clear(&b);
    position_clear(&c);
}

static void
positions_are_equal_by_what_is_done(void **state)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        {"gtid:" A ":1-5@binlog.000003/900", "gtid:" A ":1-5", true},
        {"gtid:" A ":1-5", "gtid:" A ":1-4", false},
        {"gtid:" A ":1+" A ":2/1/1/s", "gtid:" A ":1+" A ":2/1/7/s", true},
        {"gtid:" A ":1+" A ":2/1/1/s", "gtid:" A ":1+" A ":2/1/1/t", false}, /* as another server cut it */
        {"gtid:" A ":1+" A ":2/1/1/s", "gtid:" A ":1+" A ":2/2/1/s", false},
        {"gtid:" A ":1+" A ":2/1/1/s", "gtid:" A ":1+" A ":3/1/1/s", false},
        {"gtid:" A ":1+" A ":2/1/1/s", "gtid:" A ":1", false},
        {"gtid:", "mariadb:", false},
        {"file:binlog.000003/4", "gtid:", false},
        {"file:binlog.000003/4", "file:binlog.000003/5", false},
        {"file:binlog.000003/4+binlog.000003:4/1/1/s", "file:binlog.000003/4+binlog.000003:9/1/1/s", false},
        {"file:binlog.000003/4+binlog.000003:4/1/1/s", "file:binlog.000003/4+binlog.000003:4/1/1/t", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct position a = parsed(cases[i].a), b = parsed(cases[i].b);

        if (position_equal(&a, &b) != cases[i].equal || position_equal(&b, &a) != cases[i].equal)
            fail_msg("%s and %s", cases[i].a, cases[i].b);
        position_clear(&a);
        position_clear(&b);
    }
}

static void
transactions_are_named_as_their_log_names_them(void **state)
{
    static const char *const names[] = {A ":77", A ":tag:1", "4294967295-4294967295-9223372036854775806",
                                        "binlog.000007:4711"};
    char text[TRANSACTION_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct transaction t = named(names[i]);

        assert_int_equal(transaction_print(&t, text), strlen(names[i]));
        assert_string_equal(text, names[i]);
    }
    transaction_print(&(struct transaction){.final = 0x16B374D848}, text);
    assert_string_equal(text, "16/B374D848");
    transaction_print(&(struct transaction){.final = 0}, text);
    assert_string_equal(text, "0/0");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transaction_is_covered_when_its_commit_starts_before_the_end),
        cmocka_unit_test(nothing_of_a_new_transaction_is_done_and_all_of_a_covered_one),
        cmocka_unit_test(a_count_belongs_to_its_transaction_only),
        cmocka_unit_test(the_first_transaction_gives_a_position_to_one_that_had_none),
        cmocka_unit_test(two_positions_meet_at_the_older_one),
        cmocka_unit_test(the_text_form_reads_back_as_the_same_position),
        cmocka_unit_test(positions_are_printed_as_the_server_prints_them),
        cmocka_unit_test(a_bare_lsn_in_either_case_is_a_position),
        cmocka_unit_test(what_is_not_a_position_is_refused_and_leaves_the_old_one),
        cmocka_unit_test(an_lsn_is_read_whole_or_not_at_all),
        cmocka_unit_test(binlog_positions_read_back_as_they_were),
        cmocka_unit_test(whatever_a_binlog_is_called_its_positions_read_back),
        cmocka_unit_test(what_is_not_a_binlog_position_is_refused),
        cmocka_unit_test(a_refusal_says_what_is_wrong),
        cmocka_unit_test(a_long_position_is_shown_cut),
        cmocka_unit_test(a_set_covers_its_transactions_and_a_place_those_before_it),
        cmocka_unit_test(advancing_makes_another_place_and_leaves_copies_alone),
        cmocka_unit_test(copies_and_moves_count),
        cmocka_unit_test(binlog_positions_meet_at_the_older_one),
        cmocka_unit_test(sets_that_part_meet_at_what_both_have),
        cmocka_unit_test(prepared_transactions_meet_where_both_have_them),
        cmocka_unit_test(positions_are_equal_by_what_is_done),
        cmocka_unit_test(transactions_are_named_as_their_log_names_them),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
