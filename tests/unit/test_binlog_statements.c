/* test_binlog_statements.c -- what the log has as text: statements without rows, definitions, truncates, and other stops. */
#include "binlog_scene.h"

/* ---- statements ---- */

static void
the_text_of_a_statement_goes_with_its_row_events(void **state)
{
    struct scene s;
    const struct frame *frames;

    (void)state;
    for (int mariadb = 0; mariadb < 2; mariadb++) {
        uint8_t type = mariadb ? EVENT_MARIADB_ANNOTATE_ROWS : EVENT_ROWS_QUERY;
        const char *mark = mariadb ? "" : "x";
        char text[40];

        scene_open(&s, mariadb ? "mariadb:" : "gtid:");
        s.framer.set.keep_query = true;
        begin(&s, 1);
        snprintf(text, sizeof(text), "%sinsert one", mark);
        good(&s, type, body_of(text, strlen(text)));
        maps(&s);
        rows(&s, ITEMS, 2);
        good(&s, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, ITEMS, STMT_END, 2, 1));
        maps(&s);
        rows(&s, ITEMS, 1);
        snprintf(text, sizeof(text), "%sinsert two", mark);
        good(&s, type, body_of(text, strlen(text)));
        rows(&s, ITEMS, 1);
        end(&s);
        transaction(&s, 2, 1);
        frames = s.batch->frames;
        assert_frames(&s, 6);
        assert_int_equal(frames[0].query_length, 10);
        assert_memory_equal(s.batch->raw.at + frames[0].query, "insert one", 10);
        assert_int_equal(frames[2].query, frames[0].query);
        assert_int_equal(frames[2].query_length, 10);
        assert_int_equal(frames[3].query_length, 0);
        assert_memory_equal(s.batch->raw.at + frames[4].query, "insert two", 10);
        assert_int_equal(frames[5].query_length, 0);
        scene_close(&s);
    }
    scene_open(&s, "gtid:");
    begin(&s, 1);
    good(&s, EVENT_ROWS_QUERY, body_of("xinsert", 7));
    maps(&s);
    rows(&s, ITEMS, 1);
    assert_int_equal(s.batch->frames[0].query_length, 0);
    scene_close(&s);
}

static void
rows_changed_by_a_statement_stop(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    transaction(&s, 1, 1);
    begin(&s, 2);
    maps(&s);
    rows(&s, ITEMS, 2);
    good(&s, EVENT_INTVAR, body_of("\2\0\0\0\0\0\0\0\0", 9));
    query(&s, "insert into t values (rand())");
    stops(&s, 4, 2, "E_STATEMENT", "insert into t values (rand())");
    scene_close(&s);
}

static struct buffer
load_query(const char *text)
{
    struct buffer plain = body_query("shop", text), body = {0};

    buffer_put(&body, plain.at, 13);
    buffer_put(&body, "\1\0\0\0\0\0\0\0\0\0\0\0\0", 13);
    buffer_put(&body, plain.at + 13, plain.len - 13);
    buffer_free(&plain);
    return body;
}

static void
rows_loaded_by_a_statement_stop(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    begin(&s, 1);
    good(&s, EVENT_BEGIN_LOAD_QUERY, body_of("\1\0\0\0abc", 7));
    good(&s, EVENT_APPEND_BLOCK, body_of("\1\0\0\0abc", 7));
    good(&s, EVENT_EXECUTE_LOAD_QUERY, load_query("load data infile 'x' into table t"));
    stops(&s, 1, 0, "E_STATEMENT", "load data");
    scene_close(&s);
}

static void
a_statement_of_another_database_is_nobodys_concern(void **state)
{
    static const uint8_t two[] = {12, 2, 'a', 0, 'b', 0}, shop[] = {12, 2, 'a', 0, 's', 'h', 'o', 'p', 0},
                         many[] = {12, 254}, none[] = {12, 0};
    static const struct {
        const char *schema;
        struct bytes status;
        bool stops;
    } cases[] = {
        {"bank", {NULL, 0}, true},  {"shop", {NULL, 0}, true},         {"", {NULL, 0}, true},
        {"shop", {two, 6}, false},  {"bank", {shop, 9}, true},         {"bank", {many, 2}, true},
        {"shop", {none, 2}, false}, {"shop", {two, 5}, true /* cut */},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s;

        scene_open(&s, "gtid:");
        begin(&s, 1);
        good(&s, EVENT_QUERY, body_query_status(cases[i].schema, cases[i].status, "update t set a = 1"));
        if (s.framer.stopped != cases[i].stops)
            fail_msg("case %zu", i);
        scene_close(&s);
    }
}

static void
statements_may_be_passed_over(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    s.framer.set.warn_statements = true;
    begin(&s, 1);
    query(&s, "insert into t values (1)");
    assert_false(s.framer.stopped);
    end(&s);
    alone(&s, 2, "delete from t");
    transaction(&s, 3, 1);
    assert_frames(&s, 1);
    assert_int_equal(s.framer.statements, 2);
    ends_at(&s, "gtid:" UUID ":1-3@binlog.000001/%llu", (unsigned long long)s.pos);
    scene_close(&s);
}

static void
rows_of_a_table_without_transactions_stop_before_its_group(void **state)
{
    struct scene s;

    (void)state;
    for (int mariadb = 0; mariadb < 2; mariadb++) {
        scene_open(&s, mariadb ? "mariadb:" : "gtid:");
        transaction(&s, 1, 1);
        begin(&s, 2);
        maps(&s);
        rows(&s, UNWANTED, 1);
        rows(&s, ITEMS, 2);
        query(&s, "COMMIT");
        stops(&s, 2, 1, "E_NOT_TRANSACTIONAL", "shop.items");
        scene_close(&s);
        scene_open(&s, mariadb ? "mariadb:" : "gtid:");
        s.framer.set.accept_nontransactional = true;
        begin(&s, 1);
        maps(&s);
        rows(&s, ITEMS, 1);
        query(&s, "COMMIT");
        begin(&s, 2);
        maps(&s);
        rows(&s, UNWANTED, 1);
        s.framer.set.accept_nontransactional = false;
        query(&s, "commit");
        assert_frames(&s, 1);
        assert_false(s.framer.stopped);
        assert_false(s.framer.group.open);
        scene_close(&s);
    }
}

static void
rows_before_a_rollback_stop(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    begin(&s, 1);
    maps(&s);
    rows(&s, ITEMS, 2);
    query(&s, "ROLLBACK");
    stops(&s, 1, 0, "E_NOT_TRANSACTIONAL", "was rolled back:");
    scene_close(&s);
    scene_open(&s, "gtid:");
    begin(&s, 1);
    maps(&s);
    rows(&s, ITEMS, 2);
    query(&s, "ROLLBACK TO `a`");
    stops(&s, 1, 0, "E_NOT_TRANSACTIONAL", "to a savepoint");
    scene_close(&s);
    scene_open(&s, "gtid:");
    begin(&s, 1);
    maps(&s);
    rows(&s, UNWANTED, 2);
    query(&s, "ROLLBACK TO `a`");
    assert_true(s.framer.group.open);
    query(&s, "ROLLBACK");
    assert_false(s.framer.group.open);
    ends_at(&s, "gtid:" UUID ":1@binlog.000001/%llu", (unsigned long long)s.pos);
    scene_close(&s);
}

static void
an_incident_and_an_event_that_is_not_known_stop(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    transaction(&s, 1, 1);
    good(&s, EVENT_INCIDENT, body_of("\1\0\4lost", 7));
    stops(&s, 2, 0, "E_INCIDENT", "lost events (lost)");
    assert_int_equal(s.batch->ntransactions, 2);
    assert_int_equal(s.batch->transactions[1].number, 2);
    assert_true(s.batch->transactions[1].starts);
    assert_true(s.batch->transactions[0].ends);
    scene_close(&s);
    scene_open(&s, "gtid:");
    begin(&s, 1);
    maps(&s);
    rows(&s, ITEMS, 1);
    s.flags = EVENT_FLAG_IGNORABLE;
    good(&s, 199, body_of("abc", 3));
    assert_false(s.framer.stopped);
    s.flags = 0;
    good(&s, 199, body_of("abc", 3));
    stops(&s, 2, 1, "E_EVENT", "type 199");
    scene_close(&s);
}

static void
after_a_stop_a_resume_reads_again(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    begin(&s, 1);
    query(&s, "insert into t values (1)");
    stops(&s, 1, 0, "E_STATEMENT", "insert");
    next_batch(&s);
    resume(&s, "gtid:");
    assert_false(s.framer.stopped);
    s.framer.set.warn_statements = true;
    connect_at(&s, "binlog.000001", 4);
    begin(&s, 1);
    query(&s, "insert into t values (1)");
    end(&s);
    ends_at(&s, "gtid:" UUID ":1@binlog.000001/%llu", (unsigned long long)s.pos);
    scene_close(&s);
}

static void
what_else_servers_write_is_passed_over(void **state)
{
    static const uint8_t types[] = {EVENT_RAND, EVENT_USER_VAR, EVENT_IGNORABLE, EVENT_PREVIOUS_GTIDS,
                                    EVENT_TRANSACTION_CONTEXT, EVENT_VIEW_CHANGE, EVENT_MARIADB_BINLOG_CHECKPOINT,
                                    EVENT_MARIADB_GTID_LIST, EVENT_MARIADB_START_ENCRYPTION, EVENT_DELETE_FILE};
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    for (size_t i = 0; i < sizeof(types); i++)
        good(&s, types[i], body_of("abc", 3));
    transaction(&s, 1, 1);
    assert_frames(&s, 1);
    scene_close(&s);
}

/* ---- definitions, truncates ---- */

static void
definitions_are_frames_where_they_are_wanted(void **state)
{
    struct scene s;
    struct bytes message;

    (void)state;
    scene_open(&s, "gtid:");
    s.framer.set.keep_ddl = true;
    alone(&s, 1, "create table t (\xc3\xa9 int)");
    good(&s, EVENT_GTID, body_gtid(1, 2, 0));
    good(&s, EVENT_QUERY, body_query("bank", "drop table t"));
    good(&s, EVENT_GTID, body_gtid(1, 3, 0));
    good(&s, EVENT_QUERY, body_query_status("shop", bytes_of("\4\10\0\10\0\10\0", 7), "create table \xe9 (a int)"));
    good(&s, EVENT_GTID, body_gtid(1, 4, 0));
    good(&s, EVENT_QUERY, body_query_status("shop", bytes_of("\4\xff\0\xff\0\xff\0", 7), "create table \xe9 (a int)"));
    assert_frames(&s, 3);
    assert_int_equal(s.batch->frames[0].kind, FRAME_DDL);
    message = batch_message(s.batch, &s.batch->frames[0]);
    assert_int_equal(message.len, 5 + strlen("create table t (\xc3\xa9 int)"));
    assert_memory_equal(message.at, "shop\0create table t (\xc3\xa9 int)", message.len);
    message = batch_message(s.batch, &s.batch->frames[1]);
    assert_memory_equal(message.at, "shop\0create table \xc3\xa9 (a int)", message.len);
    message = batch_message(s.batch, &s.batch->frames[2]);
    assert_memory_equal(message.at, "shop\0(a text", 12);
    assert_int_equal(s.batch->ntransactions, 4);
    assert_true(s.batch->transactions[3].ends);
    ends_at(&s, "gtid:" UUID ":1-4@binlog.000001/%llu", (unsigned long long)s.pos);
    scene_close(&s);
}

static void
a_definition_counts_as_a_row_event_and_comes_once(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    s.framer.set.keep_ddl = true;
    begin(&s, 1);
    query(&s, "CREATE TABLE `items` (`id` int) START TRANSACTION");
    maps(&s);
    rows(&s, ITEMS, 2);
    assert_frames(&s, 3);
    assert_int_equal(s.batch->frames[0].ordinal, 0);
    assert_int_equal(s.batch->frames[1].ordinal, 1);
    ends_at(&s, "gtid:+" UUID ":1/3/0/" UUID);
    scene_close(&s);
    scene_open(&s, "gtid:+" UUID ":1/3/2/" UUID);
    s.framer.set.keep_ddl = true;
    begin(&s, 1);
    query(&s, "CREATE TABLE `items` (`id` int) START TRANSACTION");
    maps(&s);
    rows(&s, ITEMS, 3);
    end(&s);
    assert_frames(&s, 1);
    assert_int_equal(s.batch->frames[0].kind, FRAME_ROW);
    scene_close(&s);
}

static void
the_first_half_of_an_alter_says_nothing(void **state)
{
    struct scene s;
    struct buffer half = body_mariadb_gtid(0, 1, MARIADB_ALONE | 0x20, "");

    (void)state;
    half.at[13] = 2;
    scene_open(&s, "mariadb:");
    s.framer.set.keep_ddl = true;
    good(&s, EVENT_MARIADB_GTID, half);
    query(&s, "alter table t add b int");
    assert_frames(&s, 0);
    alone(&s, 2, "alter table t add b int");
    assert_frames(&s, 1);
    ends_at(&s, "mariadb:0-1-2@binlog.000001/%llu", (unsigned long long)s.pos);
    scene_close(&s);
}

static void
a_truncate_is_a_frame_of_its_table(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    transaction(&s, 1, 1);
    alone(&s, 2, "truncate table items");
    alone(&s, 3, "TRUNCATE `shop` . `unseen`");
    alone(&s, 4, "truncate unseen");
    alone(&s, 5, "truncate unwanted");
    alone(&s, 6, "truncate bank.items");
    alone(&s, 7, "truncate gone");
    assert_frames(&s, 4);
    for (uint32_t i = 1; i < 4; i++) {
        assert_int_equal(s.batch->frames[i].kind, FRAME_TRUNCATE);
        assert_int_equal(s.batch->frames[i].length, 0);
        assert_int_equal(s.batch->frames[i].transaction, i);
        assert_true(s.batch->transactions[i].ends);
        assert_true(s.batch->frames[i].relation->captured);
    }
    assert_ptr_equal(s.batch->frames[1].relation, s.batch->frames[0].relation);
    assert_string_equal(table_of(&s, 2), "unseen");
    assert_ptr_equal(s.batch->frames[3].relation, s.batch->frames[2].relation);
    assert_int_equal(s.looked, 2); /* unseen once, and gone */
    ends_at(&s, "gtid:" UUID ":1-7@binlog.000001/%llu", (unsigned long long)s.pos);
    good(&s, EVENT_GTID, body_gtid(1, 8, 0));
    refuse(&s, EVENT_QUERY, body_query("shop", "truncate broken"), ERROR_RETRY, "");
    scene_close(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_of_a_statement_goes_with_its_row_events),
        cmocka_unit_test(rows_changed_by_a_statement_stop),
        cmocka_unit_test(rows_loaded_by_a_statement_stop),
        cmocka_unit_test(a_statement_of_another_database_is_nobodys_concern),
        cmocka_unit_test(statements_may_be_passed_over),
        cmocka_unit_test(rows_of_a_table_without_transactions_stop_before_its_group),
        cmocka_unit_test(rows_before_a_rollback_stop),
        cmocka_unit_test(an_incident_and_an_event_that_is_not_known_stop),
        cmocka_unit_test(after_a_stop_a_resume_reads_again),
        cmocka_unit_test(what_else_servers_write_is_passed_over),
        cmocka_unit_test(definitions_are_frames_where_they_are_wanted),
        cmocka_unit_test(a_definition_counts_as_a_row_event_and_comes_once),
        cmocka_unit_test(the_first_half_of_an_alter_says_nothing),
        cmocka_unit_test(a_truncate_is_a_frame_of_its_table),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
