/* test_binlog_tables.c -- table ids, shapes and relations of a session. */
#include "binlog_scene.h"

/* ---- tables ---- */

static void
an_id_may_stand_for_another_table_later(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    transaction(&s, 1, 1);
    begin(&s, 2);
    refuse(&s, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, ITEMS, 0, 2, 1), ERROR_RETRY, "E_PROTOCOL");
    good(&s, EVENT_TABLE_MAP, body_map(ITEMS, "others", 3));
    good(&s, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, ITEMS, 0, 3, 1));
    assert_string_equal(table_of(&s, 0), "items");
    assert_string_equal(table_of(&s, 1), "others");
    assert_int_equal(s.batch->frames[1].relation->ncolumns, 3);
    scene_close(&s);
}

static void
a_statement_ends_what_its_tables_are(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    begin(&s, 1);
    maps(&s);
    good(&s, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, ITEMS, STMT_END, 2, 1));
    refuse(&s, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, ITEMS, 0, 2, 1), ERROR_RETRY, "E_PROTOCOL");
    maps(&s);
    rows(&s, ITEMS, 1);
    assert_frames(&s, 2);
    scene_close(&s);
}

static void
a_new_id_with_the_same_shape_keeps_the_relation(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    begin(&s, 1);
    good(&s, EVENT_TABLE_MAP, body_map(1, "items", 2));
    rows(&s, 1, 1);
    good(&s, EVENT_TABLE_MAP, body_map(2, "items", 2));
    rows(&s, 2, 1);
    good(&s, EVENT_TABLE_MAP, body_map(3, "items", 3));
    good(&s, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, 3, 0, 3, 1));
    assert_ptr_equal(s.batch->frames[0].relation, s.batch->frames[1].relation);
    assert_ptr_not_equal(s.batch->frames[0].relation, s.batch->frames[2].relation);
    assert_int_equal(s.batch->frames[0].relation->ncolumns, 2); /* the batch keeps it */
    end(&s);
    next_batch(&s);
    connect_at(&s, "binlog.000001", 4);
    begin(&s, 2);
    good(&s, EVENT_TABLE_MAP, body_map(1, "items", 3));
    good(&s, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, 1, 0, 3, 1));
    assert_frames(&s, 1);
    scene_close(&s);
}

static void
many_tables_and_many_ids_find_room(void **state)
{
    struct scene s;
    char name[20];

    (void)state;
    scene_open(&s, "gtid:");
    begin(&s, 1);
    for (unsigned i = 0; i < 9000; i++) {
        snprintf(name, sizeof(name), "t%u", i % 500);
        good(&s, EVENT_TABLE_MAP, body_map(1000 + i, name, 1));
        good(&s, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, 1000 + i, 0, 1, 1));
        if (s.batch->nframes == 501) {
            assert_string_equal(table_of(&s, 500), table_of(&s, 0));
            assert_ptr_equal(s.batch->frames[500].relation, s.batch->frames[0].relation);
        }
    }
    assert_frames(&s, 9000);
    scene_close(&s);
}

static void
tables_that_are_not_wanted_need_not_be_understood(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    s.refuse = "E_ROW_METADATA";
    begin(&s, 1);
    good(&s, EVENT_TABLE_MAP, body_map_of(UNWANTED, "shop", "unwanted", 2, 20, false));
    good(&s, EVENT_TABLE_MAP, body_map_of(OTHER, "bank", "items", 2, 3, false));
    rows(&s, UNWANTED, 1);
    rows(&s, OTHER, 1);
    assert_int_equal(s.described, 0);
    end(&s);
    assert_frames(&s, 0);
    scene_close(&s);
}

static void
what_a_table_map_leaves_out_is_asked_for_once(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    for (uint64_t i = 1; i < 4; i++) {
        begin(&s, i);
        good(&s, EVENT_TABLE_MAP, body_map_of(ITEMS, "shop", "items", 2, 3, false));
        rows(&s, ITEMS, 1);
        end(&s);
    }
    assert_int_equal(s.described, 1);
    assert_string_equal(s.batch->frames[0].relation->columns[1].name, "d1");
    scene_close(&s);
}

static void
a_table_that_can_not_be_read_stops_behind_what_came_before(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    transaction(&s, 1, 1);
    begin(&s, 2);
    maps(&s);
    rows(&s, ITEMS, 2);
    good(&s, EVENT_TABLE_MAP, body_map_of(OTHER, "shop", "arrays", 1, 20, true));
    stops(&s, 4, 2, "E_TYPE", "shop.arrays");
    assert_int_equal(s.batch->frames[3].transaction, 1);
    scene_close(&s);
    scene_open(&s, "gtid:");
    s.refuse = "E_ROW_METADATA";
    begin(&s, 1);
    good(&s, EVENT_TABLE_MAP, body_map_of(OTHER, "shop", "bare", 1, 3, false));
    stops(&s, 1, 0, "E_ROW_METADATA", "shop.bare");
    scene_close(&s);
    scene_open(&s, "gtid:");
    begin(&s, 1);
    refuse(&s, EVENT_TABLE_MAP, body_of("abc", 3), ERROR_RETRY, "E_PROTOCOL");
    scene_close(&s);
}

static struct buffer
sequence_map(uint64_t id)
{
    static const char *const names[] = {"next_not_cached_value", "minimum_value", "maximum_value", "start_value",
                                        "increment", "cache_size", "cycle_option", "cycle_count"};
    struct buffer body = body_map_of(id, "shop", "numbers", 8, 8, false);

    buffer_put_u8(&body, 4);
    put_packed(&body, 8 + strlen("next_not_cached_valueminimum_valuemaximum_valuestart_valueincrementcache_sizecycle_"
                                 "optioncycle_count"));
    for (int i = 0; i < 8; i++)
        buffer_printf(&body, "%c%s", (char)strlen(names[i]), names[i]);
    return body;
}

static void
a_sequence_of_mariadb_is_no_table(void **state)
{
    struct scene s;

    (void)state;
    for (int mariadb = 0; mariadb < 2; mariadb++) {
        scene_open(&s, mariadb ? "mariadb:" : "gtid:");
        begin(&s, 1);
        good(&s, EVENT_TABLE_MAP, sequence_map(ITEMS));
        good(&s, EVENT_WRITE_ROWS_V1, body_rows(EVENT_WRITE_ROWS_V1, ITEMS, 0, 8, 1));
        end(&s);
        assert_frames(&s, mariadb ? 0 : 1);
        scene_close(&s);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_may_stand_for_another_table_later),
        cmocka_unit_test(a_statement_ends_what_its_tables_are),
        cmocka_unit_test(a_new_id_with_the_same_shape_keeps_the_relation),
        cmocka_unit_test(many_tables_and_many_ids_find_room),
        cmocka_unit_test(tables_that_are_not_wanted_need_not_be_understood),
        cmocka_unit_test(what_a_table_map_leaves_out_is_asked_for_once),
        cmocka_unit_test(a_table_that_can_not_be_read_stops_behind_what_came_before),
        cmocka_unit_test(a_sequence_of_mariadb_is_no_table),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
