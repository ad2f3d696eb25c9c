/*
 * test_mysql_sink.c -- MySQL and MariaDB as targets, without a server: each value as SQL, and the statements that tables
 * are made with.
 */
#include "../../sinks/mysql_sink.h"

#include "encoder_setup.h"

static struct mysink_session mariadb = {.server = {.mariadb = true, .version = 101119}, .packet_max = 1 << 24};
static struct mysink_session mysql = {.server = {.mariadb = false, .version = 90704}, .packet_max = 1 << 24};

static const char *
written(enum mysink_family family, int32_t scale, struct column from, struct value v, enum mysink_place place)
{
    static struct buffer out;
    struct mysink_column to = {.family = family, .scale = scale, .length = 5};

    buffer_reset(&out);
    err = (struct error)ERROR_INIT;
    if (mysink_put_value(&out, family != FAMILY_JSON, &to, &from, &v, place, &err) == -1)
        return err.text;
    return buffer_cstr(&out);
}

static const char *
stored(enum mysink_family family, enum value_type type, struct value v)
{
    return written(family, 6, col("c", type), v, IN_VALUES);
}

static struct value
real(double f)
{
    return (struct value){.state = VALUE_SET, .f = f};
}

static struct value
special(enum value_special kind)
{
    return (struct value){.state = VALUE_SET, .special = (uint8_t)kind};
}

static void
test_texts_and_bytes(void **state)
{
    (void)state;
    assert_string_equal(stored(FAMILY_TEXT, TYPE_TEXT, null_value), "NULL");
    assert_string_equal(stored(FAMILY_TEXT, TYPE_TEXT, text("")), "''");
    assert_string_equal(stored(FAMILY_OTHER, TYPE_TEXT, text("it's \\ ''")), "'it''s \\ '''''");
    assert_string_equal(stored(FAMILY_BYTES, TYPE_BYTES, text("'\\")), "_binary'''\\'");
    assert_string_equal(stored(FAMILY_BYTES, TYPE_TEXT, text("a")), "_binary'a'");
    assert_string_equal(stored(FAMILY_LABEL, TYPE_ENUM, text("it's")), "'it''s'");
    assert_string_equal(stored(FAMILY_JSON, TYPE_JSON, text("{}")), "'{}'");
    assert_string_equal(written(FAMILY_JSON, 0, col("c", TYPE_JSON), text("{}"), IN_WHERE), "CAST('{}' AS JSON)");
    /* blanks at the end of what is too long: the server would drop them without a word */
    assert_string_equal(stored(FAMILY_TEXT, TYPE_TEXT, text("abcd ")), "'abcd '");
    assert_string_equal(stored(FAMILY_TEXT, TYPE_TEXT, text("\xc3\xb6\xc3\xb6  ")), "'\xc3\xb6\xc3\xb6  '");
    assert_string_equal(stored(FAMILY_TEXT, TYPE_TEXT, text("abcde ")),
                        "column c: longer than the target's column, which would drop the blanks at its end");
}

static void
test_numbers(void **state)
{
    (void)state;
    assert_string_equal(stored(FAMILY_INTEGER, TYPE_INT64, integer(INT64_MIN)), "-9223372036854775808");
    assert_string_equal(stored(FAMILY_TEXT, TYPE_INT32, integer(5)), "'5'");
    assert_string_equal(stored(FAMILY_BITS, TYPE_YEAR, integer(0)), "0");
    assert_string_equal(stored(FAMILY_DOUBLE, TYPE_FLOAT64, real(0.1)), "0.1e0");
    assert_string_equal(stored(FAMILY_DOUBLE, TYPE_FLOAT64, real(5e-324)), "4.94065645841247e-324");
    assert_string_equal(stored(FAMILY_DOUBLE, TYPE_FLOAT64, real(0.1 + 0.2)), "0.30000000000000004e0");
    assert_string_equal(stored(FAMILY_FLOAT, TYPE_FLOAT32, real((double)1.1f)), "1.1000000238418579e0");
    assert_string_equal(stored(FAMILY_FLOAT, TYPE_FLOAT64, real(1.1)), "column c: a double that does not fit the target's FLOAT");
    assert_string_equal(stored(FAMILY_INTEGER, TYPE_FLOAT64, real(1.5)),
                        "column c: a floating-point number with a fraction, for a column of exact numbers");
    assert_string_equal(stored(FAMILY_DOUBLE, TYPE_FLOAT64, real(NAN)), "column c: NaN can't be stored");
    assert_string_equal(stored(FAMILY_DOUBLE, TYPE_FLOAT32, real(-INFINITY)), "column c: infinity can't be stored");
    assert_string_equal(stored(FAMILY_BITS, TYPE_BITS, text("\x01\x02")), "513");
}

static void
test_decimals_are_exact_or_refused(void **state)
{
    struct column from = col("c", TYPE_NUMERIC);

    (void)state;
    assert_string_equal(written(FAMILY_DECIMAL, 2, from, number("\x04\xe2", 2, 2), IN_VALUES), "'12.50'");
    assert_string_equal(written(FAMILY_DECIMAL, 2, from, number("\x04\xe2", 2, 2), IN_WHERE), "12.50");
    assert_string_equal(written(FAMILY_DECIMAL, 1, from, number("\x04\xe2", 2, 2), IN_VALUES), "'12.50'");
    assert_string_equal(written(FAMILY_DECIMAL, 0, from, number("\x04\xe2", 2, 2), IN_VALUES),
                        "column c: more digits after the point than the target's column has");
    assert_string_equal(written(FAMILY_INTEGER, 0, from, number("\x64", 1, 2), IN_VALUES), "'1.00'");
    assert_string_equal(stored(FAMILY_DECIMAL, TYPE_NUMERIC, special(VALUE_NAN)), "column c: NaN can't be stored");
    assert_string_equal(stored(FAMILY_DECIMAL, TYPE_NUMERIC, special(VALUE_NEG_INFINITY)), "column c: infinity can't be stored");
}

#define DAY INT64_C(86400000000)

static void
test_dates_and_times(void **state)
{
    struct value none = {.state = VALUE_SET, .special = VALUE_NO_DATE, .i = (2024 * 13 + 2) * 32 + 31};

    (void)state;
    assert_string_equal(stored(FAMILY_DATE, TYPE_DATE, integer(0)), "'1970-01-01'");
    assert_string_equal(stored(FAMILY_DATE, TYPE_DATE, none), "'2024-02-31'");
    none.i = none.i * DAY + 1500000;
    assert_string_equal(stored(FAMILY_TIME, TYPE_TIMESTAMP, none), "'2024-02-31 00:00:01.500000'");
    none.i = 0;
    assert_string_equal(stored(FAMILY_TIME, TYPE_TIMESTAMPTZ, none), "'0000-00-00 00:00:00'");
    assert_string_equal(stored(FAMILY_TIME, TYPE_TIMESTAMP, integer(-1)), "'1969-12-31 23:59:59.999999'");
    assert_string_equal(stored(FAMILY_TIME, TYPE_TIMESTAMPTZ, integer(1 * DAY + 3600000000)), "'1970-01-02 01:00:00'");
    assert_string_equal(written(FAMILY_TIME, 3, col("c", TYPE_TIMESTAMP), integer(1000), IN_VALUES), "'1970-01-01 00:00:00.001000'");
    assert_string_equal(written(FAMILY_TIME, 3, col("c", TYPE_TIMESTAMP), integer(1), IN_VALUES),
                        "column c: more digits of a second than the target's column has");
    assert_string_equal(stored(FAMILY_DATE, TYPE_TIMESTAMP, integer(1)), "column c: a time of the day, for a column of dates");
    assert_string_equal(stored(FAMILY_TIME, TYPE_TIMESTAMP, special(VALUE_INFINITY)), "column c: infinity can't be stored");
    assert_string_equal(stored(FAMILY_DATE, TYPE_DATE, integer(-719529)), "column c: a date outside the years 0 to 9999");
    assert_string_equal(stored(FAMILY_DATE, TYPE_DATE, integer(2932897)), "column c: a date outside the years 0 to 9999");
    assert_string_equal(stored(FAMILY_TIME, TYPE_TIME, integer(DAY)), "'24:00:00'");
    assert_string_equal(stored(FAMILY_TIME, TYPE_TIME, integer(-3020399 * INT64_C(1000000))), "'-838:59:59'");
}

static void
test_geometries_keep_their_system(void **state)
{
    struct value v = text("wkb");
    struct mysink_column to = {.family = FAMILY_GEOMETRY};
    struct column from = col("c", TYPE_GEOMETRY);
    struct buffer out = {0};

    (void)state;
    mysink_put_value(&out, false, &to, &from, &v, IN_VALUES, &err);
    assert_string_equal(buffer_cstr(&out), "ST_GeomFromWKB(_binary'wkb', 0)");
    v.scale = 4326;
    buffer_reset(&out);
    mysink_put_value(&out, true, &to, &from, &v, IN_VALUES, &err);
    assert_string_equal(buffer_cstr(&out), "ST_GeomFromWKB(_binary'wkb', 4326)");
    buffer_reset(&out);
    mysink_put_value(&out, false, &to, &from, &v, IN_VALUES, &err); /* MySQL would read latitude first */
    assert_string_equal(buffer_cstr(&out), "ST_GeomFromWKB(_binary'wkb', 4326, 'axis-order=long-lat')");
    buffer_free(&out);
}

/* ---- tables ---- */

static struct db_settings settings = {.apply = DB_REPLICA};

/* CREATE TABLE of these columns, of which the first is the key; told[i] may be NULL. */
static const char *
created(struct mysink_session *session, struct column *columns, uint16_t count, const char *const *declared)
{
    static struct buffer out;
    struct db db = {.engine = session->server.mariadb ? &db_mariadb : &db_mysql, .settings = &settings, .own = session};
    struct relation *rel = relation_new(1, "s", "t", count);
    struct catalog_table told = {.exists = true, .columns = arena_array(&arena, count, sizeof(*told.columns))};
    struct db_table table = {.relation = rel, .told = &told, .schema = "", .name = "t", .nkey = 1};

    table.columns = arena_array(&arena, count, sizeof(*table.columns));
    table.key = arena_array(&arena, 1, sizeof(*table.key));
    for (uint16_t i = 0; i < count; i++) {
        rel->columns[i] = columns[i];
        table.columns[i] = (struct db_column){.name = columns[i].name, .key = i == 0};
        if (declared != NULL) {
            told.columns[i].declared = declared[i];
            rel->columns[i].binlog = (const void *)rel; /* of a binlog: only looked whether there is one */
        }
        told.columns[i].enum_labels = columns[i].labels;
    }
    buffer_reset(&out);
    assert_int_equal(mysink_create_sql(&db, &table, &out, &err), 0);
    relation_release(rel);
    return buffer_cstr(&out);
}

static void
test_types_from_postgresql(void **state)
{
    struct column columns[] = {col("id", TYPE_UUID), col("n", TYPE_NUMERIC), decimal("d", 12, 3), decimal("w", 100, 3),
                               col("t", TYPE_TEXT), col("v", TYPE_TEXT), col("at", TYPE_TIMESTAMPTZ), col("e", TYPE_ENUM)};

    (void)state;
    columns[5].length = 20;
    columns[6].precision = 3;
    columns[7].labels = "a,it's";
    assert_string_equal(created(&mariadb, columns, 8, NULL),
                        "CREATE TABLE IF NOT EXISTS `t` (`id` uuid NOT NULL, `n` decimal(65,30) NULL, `d` decimal(12,3) NULL, "
                        "`w` decimal(65,30) NULL, `t` longtext NULL, `v` varchar(20) NULL, `at` datetime(3) NULL, `e` "
                        "enum('a','it''s') NULL, PRIMARY KEY (`id`)) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE "
                        "utf8mb4_nopad_bin");
    assert_non_null(strstr(created(&mysql, columns, 8, NULL), "`id` char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL"));
    assert_non_null(strstr(created(&mysql, columns, 8, NULL), "COLLATE utf8mb4_0900_bin"));
    columns[0] = col("id", TYPE_TEXT);
    assert_non_null(strstr(created(&mysql, columns, 1, NULL), "(`id` varchar(255) NOT NULL, PRIMARY KEY"));
}

static void
test_types_that_a_server_declared(void **state)
{
    static const char *const declared[] = {"bigint(20) unsigned", "uuid", "inet6", "vector(3)", "year(4)", "varchar(300)",
                                           "varchar(30000)", "geomcollection", "set('a','b')", "int(10) unsigned zerofill"};
    struct column columns[10];
    const char *sql;

    (void)state;
    for (int i = 0; i < 10; i++)
        columns[i] = col(arena_printf(&arena, "c%d", i), TYPE_TEXT);
    columns[1].type = TYPE_UUID;
    columns[3].type = TYPE_VECTOR;
    sql = created(&mysql, columns, 10, declared);
    assert_non_null(strstr(sql, "`c0` bigint(20) unsigned NOT NULL, `c1` char(36) CHARACTER SET ascii COLLATE ascii_bin NULL, "
                                "`c2` varchar(39) NULL, `c3` vector(3) NULL, `c4` year NULL, `c5` varchar(300) NULL, "
                                "`c6` longtext NULL, `c7` geometrycollection NULL, `c8` set('a','b') NULL, "
                                "`c9` int(10) unsigned zerofill NULL"));
    sql = created(&mariadb, columns, 10, declared);
    assert_non_null(strstr(sql, "`c1` uuid NULL, `c2` inet6 NULL, `c3` longblob NULL"));
}

static void
test_columns_of_our_own(void **state)
{
    struct column columns[] = {col("id", TYPE_INT32)};

    (void)state;
    settings.apply = DB_APPEND;
    assert_non_null(strstr(created(&mysql, columns, 1, NULL),
                           "(`id` int NULL, rowferry_op char(1) CHARACTER SET ascii NOT NULL, rowferry_id varchar(192) CHARACTER "
                           "SET ascii COLLATE ascii_bin NOT NULL, rowferry_time datetime(6) NULL, PRIMARY KEY (rowferry_id))"));
    settings.apply = DB_SOFT_DELETE;
    assert_non_null(strstr(created(&mysql, columns, 1, NULL), "(`id` int NOT NULL, rowferry_deleted tinyint(1) NOT NULL DEFAULT 0, "
                                                              "PRIMARY KEY (`id`))"));
    settings.apply = DB_REPLICA;
}

static const char *
added(struct mysink_session *session, struct column column, const char *default_text)
{
    static struct buffer out;
    struct db db = {.settings = &settings, .own = session};
    struct relation *rel = relation_new(1, "s", "t", 1);
    struct catalog_column told_column = {.known = true, .not_null = true, .default_text = default_text};
    struct catalog_table told = {.exists = true, .columns = &told_column};
    struct db_column own = {.name = column.name};
    struct db_table table = {.relation = rel, .told = &told, .schema = "s", .name = "t", .columns = &own};

    rel->columns[0] = column;
    buffer_reset(&out);
    assert_int_equal(mysink_add_column_sql(&db, &table, 0, &out, &err), 0);
    relation_release(rel);
    return buffer_cstr(&out);
}

static void
test_columns_that_come_later(void **state)
{
    struct column label = col("c", TYPE_TEXT);

    (void)state;
    label.length = 20;
    assert_string_equal(added(&mysql, col("c", TYPE_INT32), "-5"), "ALTER TABLE `s`.`t` ADD COLUMN `c` int NOT NULL DEFAULT -5");
    assert_string_equal(added(&mysql, col("c", TYPE_INT32), NULL), "ALTER TABLE `s`.`t` ADD COLUMN `c` int NULL");
    assert_string_equal(added(&mysql, col("c", TYPE_INT32), "5); DROP TABLE x"), "ALTER TABLE `s`.`t` ADD COLUMN `c` int NULL");
    assert_string_equal(added(&mysql, label, "it's"), "ALTER TABLE `s`.`t` ADD COLUMN `c` varchar(20) NOT NULL DEFAULT 'it''s'");
    assert_string_equal(added(&mariadb, col("c", TYPE_TEXT), "it's"),
                        "ALTER TABLE `s`.`t` ADD COLUMN `c` longtext NOT NULL DEFAULT 'it''s'");
    assert_string_equal(added(&mysql, col("c", TYPE_TEXT), "a'"),
                        "ALTER TABLE `s`.`t` ADD COLUMN `c` longtext NOT NULL DEFAULT (CONVERT(UNHEX('6127') USING utf8mb4))");
    assert_string_equal(added(&mysql, col("c", TYPE_BOOL), "true"), "ALTER TABLE `s`.`t` ADD COLUMN `c` tinyint(1) NOT NULL DEFAULT 1");
}

/* ---- statements for one row ---- */

static struct mysink_column number_column = {.family = FAMILY_INTEGER}, text_column = {.family = FAMILY_TEXT};

/* A table of (id, note), of which id is the key, and one change of it. */
struct scene {
    struct setup s;
    struct mysink_table own;
    struct db_column columns[2];
    struct db_table table;
    uint16_t key[1];
    bool set[2];
    struct db_row row;
    struct db_group group;
};

static const char *
statement(struct scene *t, struct mysink_session *session, enum db_op op, uint16_t nkey)
{
    struct db db = {.engine = session->server.mariadb ? &db_mariadb : &db_mysql, .settings = &settings, .own = session};
    struct column columns[] = {col("id", TYPE_INT32), col("note", TYPE_TEXT)};
    struct value new_row[] = {integer(7), text("new")}, old_row[] = {integer(5), null_value};

    memset(t, 0, sizeof(*t));
    t->s = setup_of("public", "t", columns, 2);
    t->s.settings.format = FORMAT_ROW;
    first_is_key(&t->s);
    must_plan(&t->s);
    t->s.change.op = op == DB_OP_DELETE || op == DB_OP_MARK ? CHANGE_DELETE : op == DB_OP_UPDATE ? CHANGE_UPDATE : CHANGE_INSERT;
    t->s.change.new_row = t->s.change.op == CHANGE_DELETE ? NULL : new_row;
    t->s.change.old_row = t->s.change.op == CHANGE_INSERT ? NULL : old_row;
    t->s.change.old_kind = t->s.change.op == CHANGE_INSERT ? OLD_NONE : OLD_ROW;
    must_encode(&t->s, 1);
    t->own.name = "`t`";
    t->columns[0] = (struct db_column){"id", nkey > 0, &number_column};
    t->columns[1] = (struct db_column){"note", false, &text_column};
    t->set[0] = t->set[1] = true;
    t->table = (struct db_table){.relation = t->s.rel, .columns = t->columns, .key = t->key, .nkey = nkey, .own = &t->own};
    t->row = (struct db_row){t->s.batch, &t->s.batch->events[0], event_at(&t->s, 0)};
    t->group = (struct db_group){.table = &t->table, .op = op, .set = t->set, .rekeys = true, .rows = &t->row, .nrows = 1};
    buffer_reset(&session->sql);
    t->s.batch->frames = calloc(1, sizeof(struct frame)); /* for the event's id */
    assert_int_equal(mysink_put_one(&db, &t->group, &t->row, &err), 0);
    done(&t->s);
    return buffer_cstr(&session->sql);
}

static void
test_statements_of_one_row(void **state)
{
    struct scene t;

    (void)state;
    assert_string_equal(statement(&t, &mysql, DB_OP_INSERT, 1), "INSERT INTO `t` (`id`, `note`) VALUES (7,'new')");
    assert_string_equal(statement(&t, &mysql, DB_OP_UPSERT, 1),
                        "INSERT INTO `t` (`id`, `note`) VALUES (7,'new') AS rowferry_new ON DUPLICATE KEY UPDATE `note` = "
                        "rowferry_new.`note`");
    assert_string_equal(statement(&t, &mariadb, DB_OP_UPSERT, 1),
                        "INSERT INTO `t` (`id`, `note`) VALUES (7,'new') ON DUPLICATE KEY UPDATE `note` = VALUES(`note`)");
    assert_string_equal(statement(&t, &mysql, DB_OP_UPDATE, 1), "UPDATE `t` SET `id` = 7, `note` = 'new' WHERE `id` = 5");
    assert_string_equal(statement(&t, &mysql, DB_OP_DELETE, 1), "DELETE FROM `t` WHERE `id` = 5");
    assert_string_equal(statement(&t, &mysql, DB_OP_DELETE, 0), "DELETE FROM `t` WHERE `id` <=> 5 AND `note` <=> NULL LIMIT 1");
    settings.apply = DB_SOFT_DELETE;
    assert_string_equal(statement(&t, &mysql, DB_OP_MARK, 1), "UPDATE `t` SET rowferry_deleted = 1 WHERE `id` = 5");
    assert_string_equal(statement(&t, &mysql, DB_OP_INSERT, 1),
                        "INSERT INTO `t` (`id`, `note`, rowferry_deleted) VALUES (7,'new',0)");
    settings.apply = DB_REPLICA;
    free(mysql.room);
    free(mariadb.room);
    buffer_free(&mysql.sql);
    buffer_free(&mariadb.sql);
}

static void
test_errors_say_what_now(void **state)
{
    (void)state;
    mysink_error(1062, "Duplicate entry", "", &err);
    assert_int_equal(err.kind, ERROR_DATA);
    assert_string_equal(err.code, "E_CONFLICT");
    mysink_error(1406, "Data too long", "", &err);
    assert_string_equal(err.code, "E_VALUE");
    mysink_error(1213, "Deadlock found", "", &err);
    assert_int_equal(err.kind, ERROR_RETRY);
    mysink_error(1836, "read only", "", &err);
    assert_string_equal(err.code, "E_TARGET_READONLY");
    mysink_error(2013, "lost", "", &err);
    assert_string_equal(err.code, "E_UNREACHABLE");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_and_bytes),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_decimals_are_exact_or_refused),
        cmocka_unit_test(test_dates_and_times),
        cmocka_unit_test(test_geometries_keep_their_system),
        cmocka_unit_test(test_types_from_postgresql),
        cmocka_unit_test(test_types_that_a_server_declared),
        cmocka_unit_test(test_columns_of_our_own),
        cmocka_unit_test(test_columns_that_come_later),
        cmocka_unit_test(test_statements_of_one_row),
        cmocka_unit_test(test_errors_say_what_now),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_free(&arena);
    return failed;
}
