/*
 * binlog_json_patch.c -- a binary JSON document after the diffs of PARTIAL_UPDATE_ROWS.
 *
 *     u1 operation   packed length, path   [packed length, binary JSON: not for REMOVE]
 *
 * Only the containers on the way to a change are taken apart: each becomes a list of slots, one for
 * each entry. A slot is an entry of the document's own bytes until something below it changes, then
 * a node. So what is not touched is printed from where it stands.
 *
 * A diff is right only for the document that the server made it from. One that finds no place is an
 * error, never a no-op: the document is not the one that it should be.
 *
 * Pure; any thread; nodes live in an arena as long as the call.
 */
#include "binlog_json_internal.h"
#include "binlog_json_path.h"
#include "cdc/json.h"

enum operation { DIFF_REPLACE = 0, DIFF_INSERT = 1, DIFF_REMOVE = 2 };

struct node;

struct slot {
    struct node *node; /* NULL: the entry */
    uint32_t entry;    /* of the container */
};

struct node {
    struct binlog_json_piece piece;
    struct bytes key;    /* in an object */
    struct slot *slots;  /* not NULL: taken apart, and the piece is out of date */
    size_t count, cap;
    struct binlog_json_container container;
};

struct patch {
    struct arena arena;
    struct error *err;
    struct node root;
    struct bytes path; /* of the diff at work, for errors */
};

/* Where a diff's last leg points: a slot of `parent` that is there, or the place for one. A NULL
 * parent: the document itself. */
struct place {
    struct node *parent;
    size_t at;
    bool found;
    struct bytes key;
};

static int
bad_diff(struct patch *p, const char *what)
{
    int shown = p->path.len > 80 ? 80 : (int)p->path.len;

    return error_set(p->err, ERROR_DATA, "E_PROTOCOL", "binary JSON: the diff of %.*s: %s", shown,
                     (const char *)p->path.at, what);
}

static int
no_memory(struct patch *p)
{
    return error_set(p->err, ERROR_FATAL, "", "out of memory for the diffs of a JSON document");
}

/* ---- the tree ---- */

static int
make_room(struct patch *p, struct node *node)
{
    size_t cap = node->count + node->count / 2 + 4;
    struct slot *slots;

    if (node->count < node->cap)
        return 0;
    slots = arena_array(&p->arena, cap, sizeof(*slots));
    if (slots == NULL)
        return no_memory(p);
    if (node->count > 0)
        memcpy(slots, node->slots, node->count * sizeof(*slots));
    node->slots = slots;
    node->cap = cap;
    return 0;
}

/* Slots for a container's entries, all of which are looked at: from here on they may be trusted. */
static int
take_apart(struct patch *p, struct node *node)
{
    struct binlog_json_entry entry;

    if (node->slots != NULL)
        return 0;
    if (binlog_json_open(&node->piece, &node->container, p->err) == -1)
        return -1;
    for (uint32_t i = 0; i < node->container.count; i++) {
        if (binlog_json_take(&node->container, i, &entry, p->err) == -1)
            return -1;
    }
    node->cap = (size_t)node->container.count + 4;
    node->slots = arena_array(&p->arena, node->cap, sizeof(*node->slots));
    if (node->slots == NULL)
        return no_memory(p);
    for (uint32_t i = 0; i < node->container.count; i++)
        node->slots[i].entry = i;
    node->count = node->container.count;
    return 0;
}

static int
entry_of(struct patch *p, const struct node *node, size_t at, struct binlog_json_entry *out)
{
    return binlog_json_entry(&node->container, node->slots[at].entry, out, p->err);
}

static int
key_of(struct patch *p, const struct node *node, size_t at, struct bytes *out)
{
    struct binlog_json_entry entry;

    if (node->slots[at].node != NULL) {
        *out = node->slots[at].node->key;
        return 0;
    }
    if (entry_of(p, node, at, &entry) == -1)
        return -1;
    *out = entry.key;
    return 0;
}

/* The slot's node, made now if it has none; NULL with *err set. */
static struct node *
node_at(struct patch *p, struct node *parent, size_t at)
{
    struct slot *slot = &parent->slots[at];
    struct binlog_json_entry entry;

    if (slot->node != NULL)
        return slot->node;
    if (entry_of(p, parent, at, &entry) == -1)
        return NULL;
    slot->node = arena_alloc(&p->arena, sizeof(*slot->node));
    if (slot->node == NULL) {
        no_memory(p);
        return NULL;
    }
    slot->node->piece = entry.value;
    slot->node->key = entry.key;
    return slot->node;
}

/* ---- finding a place ---- */

static int
compare_keys(struct bytes a, struct bytes b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len == 0 ? 0 : memcmp(a.at, b.at, a.len);
}

static int
find_member(struct patch *p, struct node *parent, struct bytes key, struct place *out)
{
    size_t low = 0, high = parent->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct bytes other;
        if (key_of(p, parent, middle, &other) == -1)
            return -1;
        int order = compare_keys(key, other);
        if (order == 0) {
            out->found = true;
            low = middle;
            break;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    out->at = low;
    out->key = key;
    return 0;
}

/* Past the end means behind the last, before the beginning means in front of the first. */
static void
find_cell(const struct node *parent, const struct binlog_json_leg *leg, struct place *out)
{
    uint64_t count = parent->count;

    out->found = leg->index < count;
    if (leg->from_end)
        out->at = out->found ? (size_t)(count - leg->index - 1) : 0;
    else
        out->at = out->found ? (size_t)leg->index : (size_t)count;
}

static int
find_in(struct patch *p, struct node *parent, const struct binlog_json_leg *leg, struct place *out)
{
    *out = (struct place){.parent = parent};
    if (leg->is_member ? !binlog_json_is_object(&parent->piece)
                       : !binlog_json_is_array(&parent->piece))
        return bad_diff(p, leg->is_member ? "a member of what is no object"
                                          : "a cell of what is no array");
    if (take_apart(p, parent) == -1)
        return -1;
    if (leg->is_member)
        return find_member(p, parent, leg->key, out);
    find_cell(parent, leg, out);
    return 0;
}

static int
find_place(struct patch *p, struct place *out)
{
    struct cursor in;
    struct binlog_json_leg leg;
    enum binlog_json_step step;

    *out = (struct place){.found = true};
    if (!binlog_json_path(p->path, &in))
        return bad_diff(p, "not a path");
    while ((step = binlog_json_leg(&in, &p->arena, &leg)) == PATH_LEG) {
        if (!out->found)
            return bad_diff(p, "no such place in the document");
        struct node *node = out->parent == NULL ? &p->root : node_at(p, out->parent, out->at);
        if (node == NULL || find_in(p, node, &leg, out) == -1)
            return -1;
    }
    if (step == PATH_NO_MEMORY)
        return no_memory(p);
    return step == PATH_BAD ? bad_diff(p, "not a path") : 0;
}

/* ---- the three operations ---- */

static int
replace(struct patch *p, const struct place *place, struct binlog_json_piece value)
{
    struct node *node = &p->root;

    if (!place->found)
        return bad_diff(p, "nothing there to replace");
    if (place->parent != NULL)
        node = node_at(p, place->parent, place->at);
    if (node == NULL)
        return -1;
    *node = (struct node){.piece = value, .key = node->key};
    return 0;
}

/* An array's later cells move up; a member goes where its key belongs. */
static int
insert(struct patch *p, const struct place *place, struct binlog_json_piece value)
{
    struct node *parent = place->parent, *node;

    if (parent == NULL || (place->found && binlog_json_is_object(&parent->piece)))
        return bad_diff(p, "what is to be inserted is there already");
    node = arena_alloc(&p->arena, sizeof(*node));
    if (node == NULL)
        return no_memory(p);
    if (make_room(p, parent) == -1)
        return -1;
    *node = (struct node){.piece = value, .key = place->key};
    struct slot *slot = &parent->slots[place->at];
    memmove(slot + 1, slot, (parent->count - place->at) * sizeof(*slot));
    *slot = (struct slot){.node = node};
    parent->count++;
    return 0;
}

static int
remove_from(struct patch *p, const struct place *place)
{
    struct node *parent = place->parent;

    if (parent == NULL || !place->found)
        return bad_diff(p, "nothing there to remove");
    struct slot *slot = &parent->slots[place->at];
    parent->count--;
    memmove(slot, slot + 1, (parent->count - place->at) * sizeof(*slot));
    return 0;
}

static struct bytes
take_packed_bytes(struct cursor *in)
{
    return cursor_bytes(in, (size_t)cursor_packed(in));
}

static int
apply_one(struct patch *p, struct cursor *in)
{
    uint8_t operation = cursor_u8(in);
    struct binlog_json_piece value;
    struct bytes document = {0};
    struct place place;

    p->path = take_packed_bytes(in);
    if (operation != DIFF_REMOVE)
        document = take_packed_bytes(in);
    if (cursor_short(in) || operation > DIFF_REMOVE)
        return binlog_json_bad(p->err, "a diff list that makes no sense");
    if (find_place(p, &place) == -1)
        return -1;
    if (operation == DIFF_REMOVE)
        return remove_from(p, &place);
    if (binlog_json_root(document, &value, p->err) == -1)
        return -1;
    return operation == DIFF_REPLACE ? replace(p, &place, value) : insert(p, &place, value);
}

/* ---- to text ---- */

static int
put_slot(struct patch *p, const struct node *parent, size_t at, unsigned depth, struct buffer *out);

static int
put_node(struct patch *p, const struct node *node, unsigned depth, struct buffer *out)
{
    bool is_object = binlog_json_is_object(&node->piece);

    if (node->slots == NULL)
        return binlog_json_put(&node->piece, depth, out, p->err);
    if (depth >= BINLOG_JSON_DEPTH_MAX)
        return binlog_json_bad(p->err, "nested more deeply than the server allows");
    buffer_put_u8(out, is_object ? '{' : '[');
    for (size_t i = 0; i < node->count; i++) {
        if (i > 0)
            buffer_put(out, ", ", 2);
        if (put_slot(p, node, i, depth + 1, out) == -1)
            return -1;
    }
    buffer_put_u8(out, is_object ? '}' : ']');
    return 0;
}

static int
put_slot(struct patch *p, const struct node *parent, size_t at, unsigned depth, struct buffer *out)
{
    const struct node *node = parent->slots[at].node;
    struct binlog_json_entry entry;

    if (node != NULL)
        entry = (struct binlog_json_entry){.key = node->key};
    else if (entry_of(p, parent, at, &entry) == -1)
        return -1;
    if (binlog_json_is_object(&parent->piece)) {
        json_text(out, entry.key);
        buffer_put(out, ": ", 2);
    }
    return node != NULL ? put_node(p, node, depth, out)
                        : binlog_json_put(&entry.value, depth, out, p->err);
}

static int
patch_to_text(struct patch *p, struct bytes document, struct bytes diffs, struct buffer *out)
{
    struct cursor in = cursor_of(diffs);

    if (binlog_json_root(document, &p->root.piece, p->err) == -1)
        return -1;
    while (cursor_left(&in) > 0) {
        if (apply_one(p, &in) == -1)
            return -1;
    }
    return put_node(p, &p->root, 0, out);
}

int
binlog_json_patched(struct bytes document, struct bytes diffs, struct buffer *out,
                    struct error *err)
{
    struct binlog_json_mark mark = binlog_json_begin(out);
    struct patch p = {.err = err};
    int status = patch_to_text(&p, document, diffs, out);

    arena_free(&p.arena);
    return binlog_json_end(out, mark, status, err);
}
