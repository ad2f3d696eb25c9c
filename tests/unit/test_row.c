/*
 * test_row.c -- packed rows: what the encoder packs is what a database sink unpacks.
 */
#include "encoder_setup.h"

#include "cdc/row.h"

enum { EVERY_TYPE = TYPE_VECTOR + 1 };

static const struct column two[] = {{.name = "id", .type = TYPE_INT64, .typmod = -1, .precision = -1},
                                    {.name = "note", .type = TYPE_TEXT, .typmod = -1, .precision = -1}};

static struct setup
rows_of(const struct column *columns, uint16_t count)
{
    struct setup s = setup_of("public", "t", columns, count);

    s.settings.format = FORMAT_ROW;
    s.settings.truncate = TRUNCATE_EMIT;
    first_is_key(&s);
    must_plan(&s);
    return s;
}

/* Encode one change, and read it back. */
static const struct event *
pack(struct setup *s, struct row_change *out)
{
    s->batch->events[0].count = 0;
    s->batch->events[0].encoded.len = 0;
    must_encode(s, 1);
    assert_int_equal(row_read(s->rel, value_at(s, 0), out, &err), 0);
    return event_at(s, 0);
}

static void
test_each_type_comes_back_as_it_was(void **state)
{
    struct value before[EVERY_TYPE], after[2][EVERY_TYPE];
    struct row_change read = {.new_row = after[0], .old_row = after[1]};
    struct column columns[EVERY_TYPE];
    struct setup s;

    (void)state;
    for (int i = 0; i < EVERY_TYPE; i++) {
        columns[i] = col(arena_printf(&arena, "c%d", i), (enum value_type)i);
        before[i] = integer(INT64_MIN + i);
    }
    for (int i = TYPE_DECIMAL; i <= TYPE_ENUM; i++)
        before[i] = text("\x01 bytes");
    before[TYPE_OTHER] = before[TYPE_BITS] = before[TYPE_SET] = before[TYPE_VECTOR] = text("");
    before[TYPE_GEOMETRY] = before[TYPE_POINT] = text("wkb");
    before[TYPE_GEOMETRY].scale = 4326;
    before[TYPE_DECIMAL].scale = 2;
    before[TYPE_NUMERIC] = (struct value){.state = VALUE_SET, .special = VALUE_NAN};
    before[TYPE_TIMESTAMP].special = VALUE_NO_DATE;
    before[TYPE_FLOAT64].f = -0.0;
    before[TYPE_JSON] = null_value;
    before[TYPE_ENUM] = unchanged;
    s = rows_of(columns, EVERY_TYPE);
    s.change.new_row = before;
    assert_int_equal(pack(&s, &read)->flags, EVENT_PARTIAL);
    assert_int_equal(read.op, CHANGE_INSERT);
    for (int i = 0; i < EVERY_TYPE; i++) {
        assert_int_equal(after[0][i].state, before[i].state);
        assert_int_equal(after[0][i].special, before[i].special);
        assert_int_equal(after[0][i].scale, before[i].scale);
        if (before[i].state != VALUE_SET || before[i].special == VALUE_NAN)
            continue;
        if ((i >= TYPE_DECIMAL && i <= TYPE_ENUM) || i == TYPE_OTHER || i == TYPE_BITS || i == TYPE_SET || i >= TYPE_GEOMETRY)
            assert_true(bytes_equal(after[0][i].bytes, before[i].bytes));
        else
            assert_int_equal(after[0][i].i, before[i].i);
    }
    done(&s);
}

/* The key is the one that the row had before: by it the target's row is found. */
static void
test_a_changed_key_is_marked_and_the_old_one_is_the_key(void **state)
{
    struct value old_row[] = {integer(1), null_value}, new_row[] = {integer(2), text("x")};
    struct value room[2][2];
    struct row_change read = {.new_row = room[0], .old_row = room[1]};
    struct setup s = rows_of(two, 2);
    const struct event *event;
    uint16_t columns[2];
    struct bytes first, second;

    (void)state;
    s.change.op = CHANGE_UPDATE;
    s.change.new_row = new_row;
    s.change.old_row = old_row;
    s.change.old_kind = OLD_KEY;
    event = pack(&s, &read);
    assert_int_equal(event->flags, EVENT_REKEYED);
    assert_int_equal(read.new_row[0].i, 2);
    assert_int_equal(read.old_row[0].i, 1);
    assert_int_equal(read.old_row[1].state, VALUE_UNCHANGED); /* outside the identity: not known, not NULL */
    first = key_at(&s, 0);
    assert_int_equal(row_key_columns(first, s.rel, columns), 1);
    assert_int_equal(columns[0], 0);
    first = bytes_of(arena_copy(&arena, first.at, first.len), first.len);

    s.change.op = CHANGE_DELETE; /* of the same old row: the same key, byte for byte */
    s.change.new_row = NULL;
    event = pack(&s, &read);
    assert_int_equal(event->flags, 0);
    second = key_at(&s, 0);
    assert_true(bytes_equal(first, second));
    done(&s);
}

static void
test_an_update_that_keeps_its_key_is_no_new_key(void **state)
{
    struct value new_row[] = {integer(1), unchanged}, room[2][2];
    struct row_change read = {.new_row = room[0], .old_row = room[1]};
    struct setup s = rows_of(two, 2);

    (void)state;
    s.change.op = CHANGE_UPDATE;
    s.change.new_row = new_row;
    assert_int_equal(pack(&s, &read)->flags, EVENT_PARTIAL);
    assert_int_equal(read.old_kind, OLD_NONE);
    done(&s);
}

static void
test_a_truncate_names_the_keys_columns(void **state)
{
    struct value room[2][2];
    struct row_change read = {.new_row = room[0], .old_row = room[1]};
    struct setup s = rows_of(two, 2);
    uint16_t columns[2];

    (void)state;
    s.change.op = CHANGE_TRUNCATE;
    s.change.new_row = NULL;
    pack(&s, &read);
    assert_int_equal(read.op, CHANGE_TRUNCATE);
    assert_int_equal(row_key_columns(key_at(&s, 0), s.rel, columns), 1);
    done(&s);
}

static void
test_what_was_not_packed_so_is_refused(void **state)
{
    struct value new_row[] = {integer(1), text("x")}, room[2][2];
    struct row_change read = {.new_row = room[0], .old_row = room[1]};
    struct setup s = rows_of(two, 2);
    struct bytes value;

    (void)state;
    s.change.new_row = new_row;
    pack(&s, &read);
    value = value_at(&s, 0);
    for (size_t n = 0; n < value.len; n++)
        assert_int_equal(row_read(s.rel, bytes_of(value.at, n), &read, &err), -1);
    done(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_type_comes_back_as_it_was),
        cmocka_unit_test(test_a_changed_key_is_marked_and_the_old_one_is_the_key),
        cmocka_unit_test(test_an_update_that_keeps_its_key_is_no_new_key),
        cmocka_unit_test(test_a_truncate_names_the_keys_columns),
        cmocka_unit_test(test_what_was_not_packed_so_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
