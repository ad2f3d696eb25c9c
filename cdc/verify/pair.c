/* pair.c -- see pair.h. */
#include "pair.h"

static int
no_memory(struct error *err)
{
    return error_set(err, ERROR_FATAL, "", "out of memory for a table");
}

/* ---- keys ---- */

/* The primary key, or the columns of an index that is the replica identity. Their count. */
static uint16_t
key_of(const struct relation *rel, const struct catalog_table *told, uint16_t *out)
{
    uint16_t n = 0;

    for (; n < told->nkey; n++)
        out[n] = told->key[n];
    if (n > 0)
        return n;
    for (; n < rel->nkey; n++)
        out[n] = rel->key[n];
    if (n > 0 || rel->replica_identity == IDENTITY_FULL || rel->replica_identity == IDENTITY_NOTHING)
        return n;
    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        if (rel->columns[i].identity)
            out[n++] = i;
    }
    return n;
}

/* Types whose values one server can't be trusted to find by another's text. */
static bool
may_be_key(enum value_type type)
{
    switch (type) {
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
    case TYPE_JSON:
    case TYPE_BITS:
    case TYPE_GEOMETRY:
    case TYPE_POINT:
    case TYPE_VECTOR:
        return false;
    default:
        return true;
    }
}

/* ---- columns ---- */

struct columns {
    struct pair *pair;
    const struct relation *rel;
    struct verify_table *table;
    bool *taken;
};

/* Of a key's values both sides are asked for: PostgreSQL's spaces stand in a varchar of MySQL, too, and have to be asked
 * for there. Where both have a fixed length neither minds them. */
static bool
is_padded(const struct rows_column *source, const struct rows_column *target, bool is_key)
{
    return is_key ? source->padded && target->padded : source->padded || target->padded;
}

static bool
has_srid(const struct rows_column *column)
{
    return column->form == FORM_GEOMETRY || column->form == FORM_EWKB;
}

/* Column i of the relation as the next one of the pair; false: one side does not have it. */
static bool
take_column(struct columns *c, uint16_t i, bool is_key)
{
    const struct column *column = &c->rel->columns[i];
    const struct rows_column *source = rows_column_named(&c->pair->tables[SOURCE], column->name);
    const struct rows_column *target = rows_column_named(&c->pair->tables[TARGET], column->name);
    struct pair_column *to = &c->pair->columns[c->pair->ncolumns];

    c->taken[i] = true;
    if (source == NULL)
        return false; /* it went while we looked: no column of the source, so nothing to compare */
    if (target == NULL) {
        buffer_printf(&c->table->trouble, "the target has no column %s\n", column->name);
        return false;
    }
    to->name = column->name;
    to->sides[SOURCE] = source;
    to->sides[TARGET] = target;
    to->how = (struct canonical){
        /* MariaDB's JSON is a text to its log */
        .type = column->type == TYPE_TEXT && (source->json || target->json) ? TYPE_JSON : column->type,
        .padded = is_padded(source, target, is_key),
        .json_doubles = source->json_doubles || target->json_doubles,
        .wkb_only = !has_srid(source) || !has_srid(target),
    };
    c->pair->ncolumns++;
    return true;
}

static void
take_key(struct columns *c, const uint16_t *key, uint16_t nkey)
{
    bool tells_apart = nkey > 0;

    for (uint16_t k = 0; k < nkey; k++) {
        tells_apart = take_column(c, key[k], true) && tells_apart;
        if (tells_apart) {
            const struct pair_column *column = &c->pair->columns[c->pair->ncolumns - 1];

            tells_apart = column->sides[SOURCE]->not_null && column->sides[TARGET]->not_null && may_be_key(column->how.type);
        }
    }
    c->pair->nkey = tells_apart ? nkey : 0;
}

static int
take_columns(struct pair *pair, const struct relation *rel, const struct catalog_table *told, struct verify_table *table,
             struct error *err)
{
    struct columns c = {pair, rel, table, arena_array(&pair->arena, rel->ncolumns, sizeof(bool))};
    uint16_t *key = arena_array(&pair->arena, rel->ncolumns, sizeof(*key));

    pair->columns = arena_array(&pair->arena, rel->ncolumns, sizeof(*pair->columns));
    if (c.taken == NULL || key == NULL || pair->columns == NULL)
        return no_memory(err);
    take_key(&c, key, key_of(rel, told, key));
    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        if (!c.taken[i])
            take_column(&c, i, false);
    }
    return 0;
}

/* ---- both sides ---- */

static int
describe(struct pair *pair, enum verify_side side, const char *schema, const char *name, struct error *err)
{
    return pair->rows[side]->ops->describe(pair->rows[side], schema, name, &pair->tables[side], err) == -1
               ? error_prefix(err, side == SOURCE ? "source: " : "target: ")
               : 0;
}

/* Rows that are marked as deleted are not there. */
static int
take_mark(struct pair *pair, const char *deleted, struct verify_table *table, struct error *err)
{
    const struct rows_column *column;

    pair->alive = "";
    if (deleted == NULL)
        return 0;
    column = rows_column_named(&pair->tables[TARGET], deleted);
    if (column == NULL) {
        buffer_printf(&table->trouble, "the target has no column %s, which apply: soft-delete needs\n", deleted);
        return 0;
    }
    pair->alive = arena_printf(&pair->arena, " AND NOT %s", column->selected);
    return pair->alive == NULL ? no_memory(err) : 0;
}

int
pair_open(struct pair *pair, struct rows_reader *source, struct rows_reader *target, const struct relation *rel,
          const struct catalog_table *told, const char *deleted, struct verify_table *table, struct error *err)
{
    *pair = (struct pair){.rows = {source, target}, .alive = ""};
    table->compared = false;
    if (describe(pair, SOURCE, rel->schema, rel->table, err) == -1 ||
        describe(pair, TARGET, table->target_schema, table->target_table, err) == -1)
        return -1;
    if (!pair->tables[SOURCE].exists) {
        buffer_put_string(&table->trouble, "the source does not have the table any more\n");
        return 0;
    }
    if (!pair->tables[TARGET].exists) {
        buffer_put_string(&table->trouble, "the target does not have the table\n");
        return 0;
    }
    if (take_columns(pair, rel, told, table, err) == -1 || take_mark(pair, deleted, table, err) == -1)
        return -1;
    if (buffer_failed(&table->trouble))
        return no_memory(err);
    table->keyless = pair->nkey == 0;
    table->compared = pair->ncolumns > 0;
    if (!table->compared)
        buffer_put_string(&table->trouble, "no column is on both sides\n");
    return 0;
}

void
pair_close(struct pair *pair)
{
    rows_table_free(&pair->tables[SOURCE]);
    rows_table_free(&pair->tables[TARGET]);
    arena_free(&pair->arena);
}

void
rows_table_free(struct rows_table *table)
{
    arena_free(&table->arena);
    *table = (struct rows_table){.exists = false};
}

const struct rows_column *
rows_column_named(const struct rows_table *table, const char *name)
{
    for (uint16_t i = 0; i < table->ncolumns; i++) {
        if (strcmp(table->columns[i].name, name) == 0)
            return &table->columns[i];
    }
    return NULL;
}

/* ---- packed rows ---- */

void
pair_pack(const struct pair *pair, enum verify_side side, uint16_t ncolumns, const struct bytes *fields, struct buffer *out)
{
    for (uint16_t i = 0; i < ncolumns; i++) {
        const struct pair_column *column = &pair->columns[i];
        uint32_t len = 0;
        size_t from;

        buffer_put_u8(out, fields[i].at != NULL);
        buffer_put(out, &len, sizeof(len));
        from = out->len;
        if (fields[i].at != NULL)
            canonical_put(&column->how, column->sides[side]->form, fields[i], out);
        if (buffer_failed(out))
            return;
        len = (uint32_t)(out->len - from);
        memcpy(out->at + from - sizeof(len), &len, sizeof(len));
    }
}

void
pair_pack_own_key(const struct pair *pair, const struct bytes *fields, struct buffer *out)
{
    for (uint16_t i = 0; i < pair->nkey; i++) {
        buffer_put_u8(out, fields[i].at != NULL);
        buffer_put_le32(out, (uint32_t)fields[i].len + 1);
        buffer_put(out, fields[i].at, fields[i].len);
        buffer_put_u8(out, 0); /* for who needs texts to end */
    }
}

void
pair_unpack(struct bytes packed, uint16_t ncolumns, struct bytes *out)
{
    struct cursor in = cursor_of(packed);

    for (uint16_t i = 0; i < ncolumns; i++) {
        bool set = cursor_u8(&in) != 0;

        out[i] = cursor_bytes(&in, cursor_le32(&in));
        if (!set)
            out[i] = bytes_of(NULL, 0);
    }
}

size_t
pair_prefix(struct bytes packed, uint16_t ncolumns)
{
    struct cursor in = cursor_of(packed);

    for (uint16_t i = 0; i < ncolumns; i++) {
        cursor_u8(&in);
        cursor_bytes(&in, cursor_le32(&in));
    }
    return (size_t)(in.at - packed.at);
}

/* ---- SQL ---- */

static void
put_selected(const struct pair *pair, enum verify_side side, uint16_t ncolumns, struct buffer *sql)
{
    buffer_put_string(sql, "SELECT ");
    for (uint16_t i = 0; i < ncolumns; i++) {
        buffer_put_string(sql, i > 0 ? ", " : "");
        buffer_put_string(sql, pair->columns[i].sides[side]->selected);
    }
    buffer_printf(sql, " FROM %s WHERE 1 = 1%s", pair->tables[side].from, side == TARGET ? pair->alive : "");
}

static void
put_key_columns(const struct pair *pair, enum verify_side side, struct buffer *sql)
{
    for (uint16_t k = 0; k < pair->nkey; k++) {
        buffer_put_string(sql, k > 0 ? ", " : "");
        buffer_put_string(sql, pair->columns[k].sides[side]->ordered);
    }
}

static void
put_value(const struct pair *pair, enum verify_side side, uint16_t k, struct bytes value, struct buffer *sql)
{
    pair->rows[side]->ops->put_value(pair->columns[k].sides[side], pair->columns[k].how.type, value, sql);
}

static void
put_own(const struct pair *pair, enum verify_side side, uint16_t k, struct bytes field, struct buffer *sql)
{
    pair->rows[side]->ops->put_own(pair->columns[k].sides[side], field, sql);
}

/* a > 1 OR (a = 1 AND (b > 2 OR (b = 2 AND c > 3))) */
static void
put_behind(const struct pair *pair, enum verify_side side, const struct bytes *values, struct buffer *sql)
{
    for (uint16_t k = 0; k < pair->nkey; k++) {
        const char *name = pair->columns[k].sides[side]->ordered;

        buffer_printf(sql, "(%s > ", name);
        put_own(pair, side, k, values[k], sql);
        if (k + 1 < pair->nkey) {
            buffer_printf(sql, " OR (%s = ", name);
            put_own(pair, side, k, values[k], sql);
            buffer_put_string(sql, " AND ");
        }
    }
    for (uint16_t k = 0; k < pair->nkey; k++)
        buffer_put_string(sql, k + 1 < pair->nkey ? "))" : ")");
}

static void
put_after(const struct pair *pair, enum verify_side side, struct bytes key, struct bytes *values, struct buffer *sql)
{
    pair_unpack(key, pair->nkey, values);
    for (uint16_t k = 0; k < pair->nkey; k++)
        values[k].len--; /* its NUL */
    buffer_put_string(sql, " AND ");
    if (pair->nkey == 1 || !pair->rows[side]->ops->compares_rows) {
        put_behind(pair, side, values, sql);
        return;
    }
    buffer_put_string(sql, "(");
    put_key_columns(pair, side, sql);
    buffer_put_string(sql, ") > (");
    for (uint16_t k = 0; k < pair->nkey; k++) {
        buffer_put_string(sql, k > 0 ? ", " : "");
        put_own(pair, side, k, values[k], sql);
    }
    buffer_put_string(sql, ")");
}

void
pair_sql_after(const struct pair *pair, enum verify_side side, uint16_t ncolumns, const struct bytes *key, uint32_t limit,
               struct buffer *sql)
{
    struct arena scratch = {0};
    struct bytes *values = arena_array(&scratch, pair->nkey, sizeof(*values));

    put_selected(pair, side, ncolumns, sql);
    if (key != NULL && values != NULL)
        put_after(pair, side, *key, values, sql);
    buffer_put_string(sql, " ORDER BY ");
    put_key_columns(pair, side, sql);
    buffer_printf(sql, " LIMIT %u", limit);
    if (values == NULL)
        sql->failed = true;
    arena_free(&scratch);
}

/* a IN (1, 2) */
static void
put_among(const struct pair *pair, enum verify_side side, const struct bytes *keys, uint32_t nkeys, struct bytes *values,
          struct buffer *sql)
{
    buffer_printf(sql, "%s IN (", pair->columns[0].sides[side]->selected);
    for (uint32_t i = 0; i < nkeys; i++) {
        pair_unpack(keys[i], 1, values);
        buffer_put_string(sql, i > 0 ? ", " : "");
        put_value(pair, side, 0, values[0], sql);
    }
    buffer_put_string(sql, ")");
}

/* (a, b) IN (VALUES (1::integer, 2::bigint), ...) */
static void
put_rows(const struct pair *pair, enum verify_side side, const struct bytes *keys, uint32_t nkeys, struct bytes *values,
         struct buffer *sql)
{
    for (uint16_t k = 0; k < pair->nkey; k++)
        buffer_printf(sql, "%s%s", k > 0 ? ", " : "(", pair->columns[k].sides[side]->selected);
    buffer_put_string(sql, ") IN (VALUES ");
    for (uint32_t i = 0; i < nkeys; i++) {
        pair_unpack(keys[i], pair->nkey, values);
        for (uint16_t k = 0; k < pair->nkey; k++) {
            buffer_put_string(sql, k > 0 ? ", " : i > 0 ? ", (" : "(");
            put_value(pair, side, k, values[k], sql);
            buffer_printf(sql, "::%s", pair->columns[k].sides[side]->type);
        }
        buffer_put_string(sql, ")");
    }
    buffer_put_string(sql, ")");
}

/* (a = 1 AND b = 2 OR a = 3 AND b = 4). Not as rows: MariaDB does not turn a row's texts into a column's character set. */
static void
put_any(const struct pair *pair, enum verify_side side, const struct bytes *keys, uint32_t nkeys, struct bytes *values,
        struct buffer *sql)
{
    buffer_put_string(sql, "(");
    for (uint32_t i = 0; i < nkeys; i++) {
        pair_unpack(keys[i], pair->nkey, values);
        for (uint16_t k = 0; k < pair->nkey; k++) {
            buffer_put_string(sql, k > 0 ? " AND " : i > 0 ? " OR " : "");
            buffer_printf(sql, "%s = ", pair->columns[k].sides[side]->selected);
            put_value(pair, side, k, values[k], sql);
        }
    }
    buffer_put_string(sql, ")");
}

void
pair_sql_keys(const struct pair *pair, enum verify_side side, uint16_t ncolumns, const struct bytes *keys, uint32_t nkeys,
              struct buffer *sql)
{
    struct arena scratch = {0};
    struct bytes *values = arena_array(&scratch, pair->nkey, sizeof(*values));

    put_selected(pair, side, ncolumns, sql);
    buffer_put_string(sql, " AND ");
    if (values == NULL)
        sql->failed = true;
    else if (pair->nkey == 1)
        put_among(pair, side, keys, nkeys, values, sql);
    else if (pair->rows[side]->ops->compares_rows)
        put_rows(pair, side, keys, nkeys, values, sql);
    else
        put_any(pair, side, keys, nkeys, values, sql);
    arena_free(&scratch);
}

void
pair_sql_all(const struct pair *pair, enum verify_side side, struct buffer *sql)
{
    put_selected(pair, side, pair->ncolumns, sql);
}
