/*
 * database_group.c -- see database_group.h.
 *
 * For each table with something waiting there is one `queue`: its groups and the keys in them. Groups that were handed to
 * the engine stay in `sent` until it has been drained.
 */
#include "database_group.h"

#include <stdlib.h>

enum {
    GROUP_ROWS = 4096,        /* a queue goes out when a group has so many */
    GROUP_BYTES = 1 << 20,    /* or so many bytes of packed rows */
    SENT_BYTES = 8 << 20,     /* the engine is drained then */
    SENT_GROUPS = 256,
    QUEUE_GROUPS = 16,        /* kinds that wait side by side for one table: more sets of columns than that take turns */
};

/* Keys by their bytes, open addressing; at NULL is free. */
struct keys {
    struct bytes *slots;
    size_t nslots, n;
};

struct queue {
    struct db_table *table;
    struct db_group *groups[QUEUE_GROUPS];
    int ngroups;
    struct keys keys;
    struct arena made; /* new keys, which stand in no event */
    struct queue *next;
};

struct db_groups {
    struct db *db;
    struct queue *queues;
    struct queue *ordered; /* the queue with the one open group of ordered tables; NULL: none */
    struct db_group **sent;
    size_t nsent, sent_cap;
    uint64_t sent_bytes;
};

static int
no_memory(struct error *err)
{
    return error_set(err, ERROR_FATAL, "", "out of memory for changes that wait");
}

/* ---- keys ---- */

static struct bytes *
key_slot(const struct keys *keys, struct bytes key)
{
    size_t i = (size_t)bytes_hash(BYTES_HASH_SEED, key.at, key.len) & (keys->nslots - 1);

    while (keys->slots[i].at != NULL && !bytes_equal(keys->slots[i], key))
        i = (i + 1) & (keys->nslots - 1);
    return &keys->slots[i];
}

static bool
keys_grow(struct keys *keys)
{
    struct keys more = {.nslots = keys->nslots == 0 ? 256 : 2 * keys->nslots, .n = keys->n};

    more.slots = calloc(more.nslots, sizeof(*more.slots));
    if (more.slots == NULL)
        return false;
    for (size_t i = 0; i < keys->nslots; i++) {
        if (keys->slots[i].at != NULL)
            *key_slot(&more, keys->slots[i]) = keys->slots[i];
    }
    free(keys->slots);
    *keys = more;
    return true;
}

static bool
keys_have(const struct keys *keys, struct bytes key)
{
    return keys->n > 0 && key_slot(keys, key)->at != NULL;
}

static bool
keys_add(struct keys *keys, struct bytes key)
{
    struct bytes *slot;

    if (2 * keys->n >= keys->nslots && !keys_grow(keys))
        return false;
    slot = key_slot(keys, key);
    keys->n += slot->at == NULL;
    *slot = key;
    return true;
}

static void
keys_clear(struct keys *keys)
{
    if (keys->n > 0)
        memset(keys->slots, 0, keys->nslots * sizeof(*keys->slots));
    keys->n = 0;
}

/* ---- groups ---- */

static void
group_free(struct db_group *group)
{
    if (group == NULL)
        return;
    free(group->set);
    free(group->rows);
    free(group);
}

static struct db_group *
group_new(const struct db_addition *add)
{
    struct db_group *group = calloc(1, sizeof(*group));
    uint16_t n = add->table->relation->ncolumns;

    if (group == NULL)
        return NULL;
    group->set = malloc(n > 0 ? n * sizeof(bool) : 1);
    if (group->set == NULL) {
        free(group);
        return NULL;
    }
    for (uint16_t i = 0; i < n; i++)
        group->set[i] = add->set == NULL || add->set[i];
    group->table = add->table;
    group->op = add->op;
    group->strict = add->strict;
    group->rekeys = add->rekeys;
    return group;
}

static bool
group_takes(const struct db_group *group, const struct db_addition *add)
{
    if (group->op != add->op || group->strict != add->strict || group->rekeys != add->rekeys ||
        add->op == DB_OP_TRUNCATE)
        return false;
    for (uint16_t i = 0; i < add->table->relation->ncolumns; i++) {
        if (group->set[i] != (add->set == NULL || add->set[i]))
            return false;
    }
    return true;
}

static bool
group_put(struct db_group *group, const struct db_row *row)
{
    if (group->nrows == group->rows_cap) {
        uint32_t cap = group->rows_cap == 0 ? 16 : 2 * group->rows_cap;
        struct db_row *grown = realloc(group->rows, cap * sizeof(*grown));

        if (grown == NULL)
            return false;
        group->rows = grown;
        group->rows_cap = cap;
    }
    group->rows[group->nrows++] = *row;
    group->bytes += row->event->key_length + row->event->value_length;
    return true;
}

/* ---- out ---- */

static int
drain(struct db_groups *groups, struct error *err)
{
    if (groups->nsent == 0)
        return 0;
    if (groups->db->engine->drain(groups->db, err) == -1)
        return -1;
    for (size_t i = 0; i < groups->nsent; i++)
        group_free(groups->sent[i]);
    groups->nsent = 0;
    groups->sent_bytes = 0;
    return 0;
}

/* The group is the list's from here on, whatever the engine says. */
static int
send(struct db_groups *groups, struct db_group *group, struct error *err)
{
    if (groups->nsent == groups->sent_cap) {
        size_t cap = groups->sent_cap == 0 ? 64 : 2 * groups->sent_cap;
        struct db_group **grown = realloc(groups->sent, cap * sizeof(struct db_group *));

        if (grown == NULL) {
            group_free(group);
            return no_memory(err);
        }
        groups->sent = grown;
        groups->sent_cap = cap;
    }
    groups->sent[groups->nsent++] = group;
    groups->sent_bytes += group->bytes;
    if (groups->db->engine->apply(groups->db, group, err) == -1)
        return -1;
    return groups->sent_bytes >= SENT_BYTES || groups->nsent >= SENT_GROUPS ? drain(groups, err) : 0;
}

/* What takes rows away goes first: a new row may have a key that the target holds equal to that of an old one. */
static int
rank(enum db_op op)
{
    return op == DB_OP_DELETE || op == DB_OP_MARK ? 0 : op == DB_OP_UPDATE ? 1 : 2;
}

static int
queue_flush(struct db_groups *groups, struct queue *queue, struct error *err)
{
    int rc = 0;

    for (int r = 0; r <= 2 && rc == 0; r++) {
        for (int i = 0; i < queue->ngroups && rc == 0; i++) {
            struct db_group *group = queue->groups[i];

            if (group == NULL || rank(group->op) != r)
                continue;
            queue->groups[i] = NULL;
            rc = send(groups, group, err);
        }
    }
    if (rc == -1)
        return -1; /* a rollback follows, and groups_forget */
    queue->ngroups = 0;
    keys_clear(&queue->keys);
    if (groups->ordered == queue)
        groups->ordered = NULL;
    arena_reset(&queue->made);
    return 0;
}

/* ---- in ---- */

static struct queue *
queue_of(struct db_groups *groups, struct db_table *table)
{
    struct queue *queue = groups->queues;

    while (queue != NULL && queue->table != table)
        queue = queue->next;
    if (queue != NULL)
        return queue;
    queue = calloc(1, sizeof(*queue));
    if (queue == NULL)
        return NULL;
    queue->table = table;
    queue->next = groups->queues;
    groups->queues = queue;
    return queue;
}

/* The open group that takes it; NULL: there is none yet. */
static struct db_group *
open_group(const struct queue *queue, const struct db_addition *add)
{
    for (int i = 0; i < queue->ngroups; i++) {
        if (group_takes(queue->groups[i], add))
            return queue->groups[i];
    }
    return NULL;
}

/* Must what waits for this table go out before this change may wait, too? */
static bool
must_go_first(const struct queue *queue, const struct db_addition *add)
{
    const struct db_group *group = open_group(queue, add);

    if (queue->ngroups == 0)
        return false;
    if (group == NULL && (add->table->ordered || add->table->nkey == 0 || add->op == DB_OP_TRUNCATE ||
                          queue->ngroups == QUEUE_GROUPS))
        return true;
    if (group != NULL && (group->nrows >= GROUP_ROWS || group->bytes >= GROUP_BYTES))
        return true;
    /* a truncate that waits lets nothing pass */
    if (queue->groups[queue->ngroups - 1]->op == DB_OP_TRUNCATE)
        return true;
    return add->op != DB_OP_HISTORY && add->table->nkey > 0 &&
           (keys_have(&queue->keys, add->key) || keys_have(&queue->keys, add->new_key));
}

/* A key that stands in the change's own event stays as long as the change waits; any other is the caller's, and copied. */
static bool
remember_key(struct queue *queue, const struct db_addition *add, struct bytes key)
{
    if (key.at != db_row_key(&add->row).at) {
        void *copy = arena_copy(&queue->made, key.at, key.len);

        if (copy == NULL)
            return false;
        key.at = copy;
    }
    return keys_add(&queue->keys, key);
}

static bool
remember_keys(struct queue *queue, const struct db_addition *add)
{
    if (add->op == DB_OP_HISTORY || add->table->nkey == 0 || add->op == DB_OP_TRUNCATE)
        return true;
    return remember_key(queue, add, add->key) && (bytes_equal(add->key, add->new_key) || remember_key(queue, add, add->new_key));
}

static int
put(struct queue *queue, const struct db_addition *add, struct error *err)
{
    struct db_group *group = open_group(queue, add);

    if (group == NULL) {
        group = group_new(add);
        if (group == NULL)
            return no_memory(err);
        queue->groups[queue->ngroups++] = group;
    }
    return group_put(group, &add->row) ? 0 : no_memory(err);
}

int
groups_add(struct db_groups *groups, const struct db_addition *add, struct error *err)
{
    struct queue *queue = queue_of(groups, add->table);

    if (queue == NULL)
        return no_memory(err);
    if (add->table->ordered && groups->ordered != NULL && groups->ordered != queue &&
        queue_flush(groups, groups->ordered, err) == -1)
        return -1;
    if (must_go_first(queue, add) && queue_flush(groups, queue, err) == -1)
        return -1;
    if (!remember_keys(queue, add))
        return no_memory(err);
    if (add->table->ordered)
        groups->ordered = queue;
    return put(queue, add, err);
}

int
groups_flush(struct db_groups *groups, struct error *err)
{
    for (struct queue *queue = groups->queues; queue != NULL; queue = queue->next) {
        if (queue_flush(groups, queue, err) == -1)
            return -1;
    }
    return drain(groups, err);
}

void
groups_forget(struct db_groups *groups)
{
    for (size_t i = 0; i < groups->nsent; i++)
        group_free(groups->sent[i]);
    groups->nsent = 0;
    groups->sent_bytes = 0;
    groups->ordered = NULL;
    while (groups->queues != NULL) {
        struct queue *queue = groups->queues;

        groups->queues = queue->next;
        for (int i = 0; i < queue->ngroups; i++)
            group_free(queue->groups[i]);
        free(queue->keys.slots);
        arena_free(&queue->made);
        free(queue);
    }
}

struct db_groups *
groups_new(struct db *db)
{
    struct db_groups *groups = calloc(1, sizeof(*groups));

    if (groups != NULL)
        groups->db = db;
    return groups;
}

void
groups_free(struct db_groups *groups)
{
    if (groups == NULL)
        return;
    groups_forget(groups);
    free(groups->sent);
    free(groups);
}
