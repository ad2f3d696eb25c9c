/*
 * Changes put together by kind must leave the target as the log's order would: random changes of few keys, applied by a
 * model that takes each group's rows in the worst order, against the same changes one after the other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../sinks/database_group.h"

enum { KEYS = 40, CHANGES = 4000, ROUNDS = 60 };

/* One table of one key column: what a row holds is the number of the change that wrote it last; 0: no row. */
struct model {
    uint32_t rows[KEYS];
};

static void
model_apply(struct model *m, enum db_op op, uint32_t key, uint32_t new_key, uint32_t version)
{
    switch (op) {
    case DB_OP_INSERT:
        assert_int_equal(m->rows[key], 0);
        m->rows[key] = version;
        break;
    case DB_OP_UPSERT:
        m->rows[new_key] = version;
        break;
    case DB_OP_UPDATE:
        assert_int_not_equal(m->rows[key], 0);
        m->rows[key] = 0;
        assert_int_equal(m->rows[new_key], 0);
        m->rows[new_key] = version;
        break;
    case DB_OP_DELETE:
        assert_int_not_equal(m->rows[key], 0);
        m->rows[key] = 0;
        break;
    case DB_OP_TRUNCATE:
        memset(m->rows, 0, sizeof(m->rows));
        break;
    default:
        fail();
    }
}

/* A change as it stands in an event: key, new key and version in its packed bytes, which only this test reads. */
struct change_bytes {
    uint32_t key, new_key, version;
};

struct scene {
    struct db db;
    struct db_engine engine;
    struct db_table tables[2];
    struct relation *relation;
    struct events events;
    struct batch batch;
    struct model got[2], want[2];
    unsigned groups, sent_rows, added;
};

static struct scene *the_scene;

static int
model_group(struct db *db, const struct db_group *group, struct error *err)
{
    struct scene *s = the_scene;
    int t = group->table == &s->tables[1];

    (void)db, (void)err;
    s->groups++;
    for (uint32_t i = group->nrows; i > 0; i--) { /* backwards: order inside may not matter */
        const struct db_row *row = &group->rows[i - 1];
        struct change_bytes c;

        memcpy(&c, row->events->encoded.at + row->event->value_offset, sizeof(c));
        model_apply(&s->got[t], group->op, c.key, c.new_key, c.version);
        s->sent_rows++;
    }
    return 0;
}

static int
model_drain(struct db *db, struct error *err)
{
    (void)db, (void)err;
    return 0;
}

static void
scene_open(struct scene *s)
{
    *s = (struct scene){.groups = 0};
    the_scene = s;
    s->engine = (struct db_engine){.title = "a model", .apply = model_group, .drain = model_drain};
    s->db.engine = &s->engine;
    s->relation = relation_new(1, "s", "t", 1);
    for (int t = 0; t < 2; t++) {
        s->tables[t].relation = s->relation;
        s->tables[t].nkey = 1;
    }
    assert_true(buffer_grow(&s->events.encoded, CHANGES * 32));
}

static void
scene_close(struct scene *s)
{
    relation_release(s->relation);
    buffer_free(&s->events.encoded);
    free(s->events.at);
}

static void
add_one(struct scene *s, struct db_groups *groups, struct db_addition *add, uint32_t new_key)
{
    struct error err = ERROR_INIT;

    add->key = db_row_key(&add->row);
    add->rekeys = memcmp(add->key.at, &new_key, sizeof(new_key)) != 0;
    add->new_key = add->rekeys ? bytes_of(&new_key, sizeof(new_key)) : add->key; /* gone when this returns */
    assert_int_equal(groups_add(groups, add, &err), 0);
    s->added++;
}

/* The same as a row that goes and one that comes, both of one event. */
static void
add_two(struct scene *s, struct db_groups *groups, struct db_addition *add, uint32_t new_key)
{
    struct error err = ERROR_INIT;

    add->op = DB_OP_DELETE;
    add->key = add->new_key = db_row_key(&add->row);
    assert_int_equal(groups_add(groups, add, &err), 0);
    add->op = DB_OP_UPSERT;
    add->key = add->new_key = bytes_of(&new_key, sizeof(new_key));
    assert_int_equal(groups_add(groups, add, &err), 0);
    new_key = UINT32_MAX; /* nobody may look here again */
    memcpy((void *)(uintptr_t)add->key.at, &new_key, sizeof(new_key));
    s->added += 2;
}

/* One random change that is possible now; to the model at once, and to the groups. */
static void
random_change(struct scene *s, struct db_groups *groups, int t, uint32_t version)
{
    struct model *m = &s->want[t];
    uint32_t key = (uint32_t)rand() % KEYS, new_key = key;
    struct db_addition add = {.table = &s->tables[t]};
    struct error err = ERROR_INIT;
    struct event *event;

    if (rand() % 500 == 0)
        add.op = DB_OP_TRUNCATE;
    else if (rand() % 10 == 0)
        add.op = DB_OP_UPSERT;
    else if (m->rows[key] == 0)
        add.op = DB_OP_INSERT;
    else
        add.op = rand() % 3 == 0 ? DB_OP_DELETE : DB_OP_UPDATE;
    if (add.op == DB_OP_UPDATE && rand() % 4 == 0) {
        new_key = (uint32_t)rand() % KEYS;
        if (m->rows[new_key] != 0)
            new_key = key;
    }
    model_apply(m, add.op, key, new_key, version);
    event = events_add(&s->events, &err);
    assert_non_null(event);
    event->key_offset = (uint32_t)s->events.encoded.len;
    event->key_length = sizeof(key);
    buffer_put(&s->events.encoded, &key, sizeof(key));
    event->value_offset = (uint32_t)s->events.encoded.len;
    event->value_length = sizeof(struct change_bytes);
    buffer_put(&s->events.encoded, &(struct change_bytes){key, new_key, version}, sizeof(struct change_bytes));
    add.row = (struct db_row){&s->batch, &s->events, event};
    if (new_key == key || rand() % 2 == 0)
        add_one(s, groups, &add, new_key);
    else
        add_two(s, groups, &add, new_key);
}

static void
run_rounds(bool ordered)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct scene s;
        struct db_groups *groups;
        struct error err = ERROR_INIT;

        srand((unsigned)round + 1);
        scene_open(&s);
        s.tables[0].ordered = s.tables[1].ordered = ordered;
        s.events.at = calloc(CHANGES, sizeof(*s.events.at));
        s.events.cap = CHANGES; /* events do not move: groups point at them */
        groups = groups_new(&s.db);
        for (uint32_t i = 1; i <= CHANGES; i++)
            random_change(&s, groups, rand() % 2, i);
        assert_int_equal(groups_flush(groups, &err), 0);
        assert_memory_equal(s.got, s.want, sizeof(s.want));
        assert_int_equal(s.sent_rows, s.added);
        assert_true(s.groups < CHANGES); /* something was put together */
        groups_free(groups);
        scene_close(&s);
    }
}

static void
test_any_order_of_different_keys_ends_the_same(void **state)
{
    (void)state;
    run_rounds(false);
}

static void
test_ordered_tables_end_the_same(void **state)
{
    (void)state;
    run_rounds(true);
}

/* Two ordered tables, a parent's row and its child's in turn: the child's never goes out before the parent's. */
static uint32_t order_seen[64];
static unsigned norder;

static int
note_order(struct db *db, const struct db_group *group, struct error *err)
{
    (void)db, (void)err;
    for (uint32_t i = 0; i < group->nrows; i++) {
        struct change_bytes c;

        memcpy(&c, group->rows[i].events->encoded.at + group->rows[i].event->value_offset, sizeof(c));
        order_seen[norder++] = c.version;
    }
    return 0;
}

static void
test_ordered_tables_go_out_in_the_order_of_the_log(void **state)
{
    struct scene s;
    struct db_groups *groups;
    struct error err = ERROR_INIT;
    struct event events[20] = {{0}};

    (void)state;
    scene_open(&s);
    s.engine.apply = note_order;
    s.tables[0].ordered = s.tables[1].ordered = true;
    groups = groups_new(&s.db);
    norder = 0;
    for (uint32_t i = 0; i < 20; i++) {
        struct db_addition add = {.table = &s.tables[i % 2], .op = DB_OP_INSERT};

        events[i].key_offset = (uint32_t)s.events.encoded.len;
        events[i].key_length = sizeof(i);
        buffer_put(&s.events.encoded, &i, sizeof(i));
        events[i].value_offset = (uint32_t)s.events.encoded.len;
        events[i].value_length = sizeof(struct change_bytes);
        buffer_put(&s.events.encoded, &(struct change_bytes){i, i, i}, sizeof(struct change_bytes));
        add.row = (struct db_row){&s.batch, &s.events, &events[i]};
        add.key = add.new_key = db_row_key(&add.row);
        assert_int_equal(groups_add(groups, &add, &err), 0);
    }
    assert_int_equal(groups_flush(groups, &err), 0);
    assert_int_equal(norder, 20);
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(order_seen[i], i);
    groups_free(groups);
    scene_close(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order_of_different_keys_ends_the_same),
        cmocka_unit_test(test_ordered_tables_end_the_same),
        cmocka_unit_test(test_ordered_tables_go_out_in_the_order_of_the_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
