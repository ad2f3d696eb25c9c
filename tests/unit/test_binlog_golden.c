/*
 * test_binlog_golden.c -- the captures of real servers (tests/golden/capture_binlog.py) through framer and decoder into
 * tables in memory, which in the end must be what the server itself said of them.
 *
 * Values are kept as text. Definitions come as frames: those of the script that move rows (a rename, a drop) are done
 * by hand below, all others only leave columns that a row does not have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>

#include "../../cdc/decode/binlog_tables.h"
#include "../../cdc/decode/binlog_types.h"
#include "../../schema/value_text.h"
#include "cdc/decoder.h"

#define FOLDER "tests/golden/"

enum { NAME_MAX_BYTES = 200, COLUMNS_MAX = 320, TABLES_MAX = 100, FILES_MAX = 2, SHAPES_MAX = 400 };

/* ---- tables in memory ---- */

enum cell_state { CELL_NULL, CELL_UNKNOWN, CELL_SET };

struct cell {
    const struct column *column; /* that it was written as */
    enum cell_state state;
    char *text; /* its bytes and a NUL */
    size_t len;
    double number;
    int32_t srid;
};

struct row {
    struct relation *relation;
    uint16_t n;
    struct cell *cells;
    bool taken; /* by an expected row */
};

struct table {
    char name[NAME_MAX_BYTES]; /* "db.table" */
    struct row *rows;
    size_t nrows;
    bool lost; /* an update did not say of which row */
};

struct tables {
    struct table at[TABLES_MAX];
    size_t n;
    size_t changes, raw_rows;
};

static struct table *
table_of(struct tables *all, const char *name)
{
    for (size_t i = 0; i < all->n; i++) {
        if (strcmp(all->at[i].name, name) == 0)
            return &all->at[i];
    }
    assert_true(all->n < TABLES_MAX);
    snprintf(all->at[all->n].name, NAME_MAX_BYTES, "%s", name);
    return &all->at[all->n++];
}

static void
row_free(struct row *row)
{
    for (uint16_t i = 0; i < row->n; i++)
        free(row->cells[i].text);
    free(row->cells);
    relation_release(row->relation);
}

static void
table_empty(struct table *table)
{
    for (size_t i = 0; i < table->nrows; i++)
        row_free(&table->rows[i]);
    free(table->rows);
    table->rows = NULL;
    table->nrows = 0;
}

static void
tables_free(struct tables *all)
{
    for (size_t i = 0; i < all->n; i++)
        table_empty(&all->at[i]);
    free(all);
}

/* ---- values as text ---- */

static void
put_hex(struct buffer *out, struct bytes raw)
{
    for (size_t i = 0; i < raw.len; i++)
        buffer_printf(out, "%02X", raw.at[i]);
}

/* "00:00:01.500000" and "00:00:01.5" are the same. */
static void
trim_fraction(struct buffer *text)
{
    if (text->len == 0 || memchr(text->at, '.', text->len) == NULL)
        return;
    while (text->at[text->len - 1] == '0')
        text->len--;
    if (text->at[text->len - 1] == '.')
        text->len--;
}

static void
put_time(struct buffer *out, int64_t us)
{
    uint64_t all = (uint64_t)(us < 0 ? -us : us), seconds = all / 1000000;

    buffer_printf(out, "%s%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%06" PRIu64, us < 0 ? "-" : "", seconds / 3600,
                  seconds / 60 % 60, seconds % 60, all % 1000000);
    trim_fraction(out);
}

static void
put_zoned(struct buffer *out, const struct value *value)
{
    char text[TEXT_ZONED_MAX];
    size_t n = text_zoned((uint8_t *)text, value, 6);

    text[10] = ' ';
    buffer_put(out, text, n - 1);
    trim_fraction(out);
}

static void
put_date(struct buffer *out, const struct value *value)
{
    struct value at = *value;
    char text[TEXT_ZONED_MAX];

    at.i *= MICROS_PER_DAY;
    text_zoned((uint8_t *)text, &at, 0);
    buffer_put(out, text, 10);
}

static void
put_value(struct buffer *out, const struct column *column, const struct value *value)
{
    uint64_t bits = 0;

    switch (column->type) {
    case TYPE_BOOL:
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
        buffer_printf(out, "%" PRId64, value->i);
        break;
    case TYPE_YEAR:
        buffer_printf(out, "%04" PRId64, value->i);
        break;
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
        buffer_printf(out, "%.17g", value->f);
        break;
    case TYPE_DECIMAL:
    case TYPE_NUMERIC:
        decimal_text(out, value->bytes, value->scale);
        break;
    case TYPE_DATE:
        put_date(out, value);
        break;
    case TYPE_TIME:
        put_time(out, value->i);
        break;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        put_zoned(out, value);
        break;
    case TYPE_BITS:
        memcpy(&bits, value->bytes.at, value->bytes.len);
        buffer_printf(out, "%" PRIu64, bits);
        break;
    case TYPE_GEOMETRY:
    case TYPE_POINT:
        put_hex(out, bytes_of(&value->scale, 4));
        put_hex(out, value->bytes);
        break;
    case TYPE_BYTES:
    case TYPE_VECTOR:
        put_hex(out, value->bytes);
        break;
    case TYPE_TEXT:
    case TYPE_UUID:
    case TYPE_JSON:
    case TYPE_ENUM:
    case TYPE_SET:
    case TYPE_OTHER:
        buffer_put(out, value->bytes.at, value->bytes.len);
        break;
    }
}

static struct row
row_of(const struct relation *rel, const struct value *values)
{
    struct row row = {.relation = relation_keep((struct relation *)(uintptr_t)rel), .n = rel->ncolumns};

    row.cells = calloc(rel->ncolumns, sizeof(*row.cells));
    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        struct cell *cell = &row.cells[i];
        struct buffer text = {0};

        cell->column = &rel->columns[i];
        cell->state = values[i].state == VALUE_NULL        ? CELL_NULL
                      : values[i].state == VALUE_UNCHANGED ? CELL_UNKNOWN
                                                           : CELL_SET;
        if (cell->state != CELL_SET)
            continue;
        put_value(&text, cell->column, &values[i]);
        buffer_put_u8(&text, 0);
        assert_false(buffer_failed(&text));
        cell->text = (char *)text.at;
        cell->len = text.len - 1;
        if (cell->column->type == TYPE_FLOAT32 || cell->column->type == TYPE_FLOAT64)
            cell->number = values[i].f;
    }
    return row;
}

static struct cell *
cell_named(const struct row *row, const char *name)
{
    for (uint16_t i = 0; i < row->n; i++) {
        if (strcmp(row->cells[i].column->name, name) == 0)
            return &row->cells[i];
    }
    return NULL;
}

/* ---- changes ---- */

/* As far as both are known. */
static bool
cell_fits(const struct cell *a, const struct cell *b)
{
    if (a->state == CELL_UNKNOWN || b->state == CELL_UNKNOWN)
        return true;
    return a->state == b->state && (a->state != CELL_SET || (a->len == b->len && memcmp(a->text, b->text, a->len) == 0));
}

static bool
row_fits(const struct row *row, const struct row *old, bool identity)
{
    for (uint16_t i = 0; i < old->n; i++) {
        const struct cell *have = cell_named(row, old->cells[i].column->name);

        if (identity && !old->cells[i].column->identity)
            continue;
        if (have != NULL && !cell_fits(have, &old->cells[i]))
            return false;
    }
    return true;
}

static struct row *
find_row(struct table *table, const struct row *old, bool identity)
{
    for (size_t i = 0; i < table->nrows; i++) {
        if (row_fits(&table->rows[i], old, identity))
            return &table->rows[i];
    }
    return NULL;
}

static bool
has_identity(const struct relation *rel)
{
    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        if (rel->columns[i].identity)
            return true;
    }
    return false;
}

/* The row that a change is of; NULL: the change does not say. */
static struct row *
row_meant(struct table *table, const struct change *change)
{
    struct row old, *found;
    bool key = change->old_kind == OLD_KEY && has_identity(change->relation);

    if (change->old_kind != OLD_NONE) {
        old = row_of(change->relation, change->old_row);
        found = find_row(table, &old, key);
        if (found == NULL)
            fail_msg("%s: the row of a change (%c) is not there", table->name, change->op);
        row_free(&old);
        return found;
    }
    if (table->nrows == 1)
        return table->rows;
    old = row_of(change->relation, change->new_row);
    for (uint16_t i = 1; i < old.n; i++)
        old.cells[i].state = CELL_UNKNOWN;
    found = find_row(table, &old, false);
    row_free(&old);
    return found;
}

static void
keep_unchanged(struct row *to, const struct row *from)
{
    for (uint16_t i = 0; i < to->n; i++) {
        const struct cell *old = cell_named(from, to->cells[i].column->name);

        if (to->cells[i].state != CELL_UNKNOWN || old == NULL || old->state == CELL_UNKNOWN)
            continue;
        to->cells[i].state = old->state;
        to->cells[i].len = old->len;
        to->cells[i].number = old->number;
        if (old->state == CELL_SET) {
            to->cells[i].text = malloc(old->len + 1);
            memcpy(to->cells[i].text, old->text, old->len + 1);
        }
    }
}

static void
apply(struct tables *all, const struct change *change)
{
    char name[NAME_MAX_BYTES];
    struct table *table;
    struct row *row, made;

    snprintf(name, sizeof(name), "%s.%s", change->relation->schema, change->relation->table);
    table = table_of(all, name);
    all->changes++;
    if (change->op == CHANGE_TRUNCATE) {
        table_empty(table);
        return;
    }
    if (change->op == CHANGE_INSERT) {
        table->rows = realloc(table->rows, (table->nrows + 1) * sizeof(*table->rows));
        table->rows[table->nrows++] = row_of(change->relation, change->new_row);
        return;
    }
    row = row_meant(table, change);
    if (row == NULL) {
        table->lost = true;
    } else if (change->op == CHANGE_UPDATE) {
        made = row_of(change->relation, change->new_row);
        keep_unchanged(&made, row);
        row_free(row);
        *row = made;
    } else {
        row_free(row);
        *row = table->rows[--table->nrows];
    }
}

/* ---- definitions ---- */

static void
rename_table(struct tables *all, const char *from, const char *to)
{
    struct table *a = table_of(all, from), *b = table_of(all, to), moved = *a;

    table_empty(b);
    *a = (struct table){.name = ""};
    snprintf(a->name, sizeof(a->name), "%s", from);
    *b = moved;
    snprintf(b->name, sizeof(b->name), "%s", to);
}

static void
forget_column(struct table *table, const char *name)
{
    for (size_t i = 0; i < table->nrows; i++) {
        struct cell *cell = cell_named(&table->rows[i], name);

        if (cell == NULL)
            continue;
        free(cell->text);
        cell->text = NULL;
        cell->state = CELL_UNKNOWN;
    }
}

static void
empty_partition(struct table *parted)
{
    for (size_t i = 0; i < parted->nrows; i++) {
        int region = atoi(cell_named(&parted->rows[i], "region")->text);

        if (region < 10 || region >= 20)
            continue;
        row_free(&parted->rows[i]);
        parted->rows[i--] = parted->rows[--parted->nrows];
    }
}

/* What the script's definitions do to rows that there are. */
static void
define(struct tables *all, const char *text)
{
    if (strstr(text, "rename table ddl to ddl_renamed") != NULL) {
        rename_table(all, "golden.ddl", "golden.ddl_renamed");
    } else if (strstr(text, "rename table swap_a to") != NULL) {
        rename_table(all, "golden.swap_a", "golden.swap_tmp");
        rename_table(all, "golden.swap_b", "golden.swap_a");
        rename_table(all, "golden.swap_tmp", "golden.swap_b");
    } else if (strncmp(text, "DROP TABLE `emptied`", 20) == 0) {
        table_empty(table_of(all, "golden.emptied"));
    } else if (strstr(text, "truncate partition p1") != NULL) {
        empty_partition(table_of(all, "golden.parted"));
    } else if (strstr(text, "change a `renamed A`") != NULL) {
        forget_column(table_of(all, "golden.ddl"), "a");
    } else if (strstr(text, "modify `renamed A`") != NULL) {
        forget_column(table_of(all, "golden.ddl"), "renamed A");
    } else if (strstr(text, "modify d decimal") != NULL) {
        forget_column(table_of(all, "golden.ddl"), "d");
    } else if (strstr(text, "modify e enum") != NULL) {
        forget_column(table_of(all, "golden.ddl"), "e");
    }
}

/* ---- captures ---- */

struct shape {
    char name[NAME_MAX_BYTES];
    struct relation *relation;
};

/* Each TABLE_MAP of a capture that says everything. */
struct shapes {
    struct shape at[SHAPES_MAX];
    size_t n;
};

struct capture {
    char server[20];
    char variant[40];
    json_t *about;
    json_t *tables; /* an array of its lines */
    struct bytes files[FILES_MAX];
    char names[FILES_MAX][40];
    size_t nfiles;
};

static struct bytes
read_file(const char *name)
{
    char path[200];
    FILE *file;
    long size;
    uint8_t *all;

    snprintf(path, sizeof(path), FOLDER "%s", name);
    file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s can't be opened", path);
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    all = malloc((size_t)size + 1);
    assert_int_equal(fread(all, 1, (size_t)size, file), size);
    all[size] = 0;
    fclose(file);
    return bytes_of(all, (size_t)size);
}

static void
free_file(struct bytes file)
{
    free((void *)(uintptr_t)file.at);
}

/* A list of the objects that stand one on a line. */
static json_t *
json_lines(const char *name)
{
    struct bytes all = read_file(name);
    json_t *list = json_array();
    const char *at = (const char *)all.at, *end;

    for (; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        json_error_t why;
        json_t *line = json_loadb(at, (size_t)(end - at), JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);

        if (line == NULL)
            fail_msg("%s: %s", name, why.text);
        json_array_append_new(list, line);
    }
    free_file(all);
    return list;
}

static uint32_t
le32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* The event at this place of a file; length 0 at its end. */
static struct bytes
event_at(struct bytes file, size_t pos)
{
    if (pos + EVENT_HEADER_BYTES > file.len)
        return bytes_of(file.at, 0);
    return bytes_of(file.at + pos, le32(file.at + pos + 9));
}

/* As the rotate at the end of the one before it says; the first is one before that. */
static void
name_files(struct capture *c)
{
    unsigned number = 1;
    char base[20] = "binlog";

    for (size_t pos = 4; event_at(c->files[0], pos).len > 0; pos += event_at(c->files[0], pos).len) {
        struct bytes raw = event_at(c->files[0], pos);

        if (raw.at[4] == EVENT_ROTATE)
            sscanf((const char *)raw.at + EVENT_HEADER_BYTES + 8, "%19[^.].%6u", base, &number);
    }
    for (size_t i = 0; i < c->nfiles; i++)
        snprintf(c->names[i], sizeof(c->names[i]), "%s.%06u", base, number - (unsigned)(c->nfiles - 1 - i));
}

static struct capture
capture_open(const char *server, const char *variant)
{
    struct capture c = {.nfiles = 0};
    char name[80];
    json_t *all, *line, *file;
    size_t i;

    snprintf(c.server, sizeof(c.server), "%s", server);
    snprintf(c.variant, sizeof(c.variant), "%s", variant);
    snprintf(name, sizeof(name), "%s.captures.jsonl", server);
    all = json_lines(name);
    json_array_foreach(all, i, line)
    {
        if (strcmp(json_string_value(json_object_get(line, "variant")), variant) == 0)
            c.about = json_incref(line);
    }
    json_decref(all);
    if (c.about == NULL)
        fail_msg("%s has no %s", name, variant);
    json_array_foreach(json_object_get(c.about, "files"), i, file)
        c.files[c.nfiles++] = read_file(json_string_value(file));
    c.tables = json_lines(json_string_value(json_object_get(c.about, "tables")));
    name_files(&c);
    return c;
}

static void
capture_close(struct capture *c)
{
    for (size_t i = 0; i < c->nfiles; i++)
        free_file(c->files[i]);
    json_decref(c->about);
    json_decref(c->tables);
}

static bool
is_mariadb(const struct capture *c)
{
    return strncmp(c->server, "mariadb", 7) == 0;
}

/* ---- the reader ---- */

struct seen {
    struct gtid gtid;
    uint64_t begin, ordinal;
    uint32_t kind;
};

struct reader {
    struct capture *capture;
    struct binlog_framer framer;
    struct batch *batch;
    struct tables *tables;      /* NULL: nobody keeps what comes */
    struct shapes *made;        /* to put each TABLE_MAP into; NULL: not wanted */
    const struct shapes *known; /* of the capture that says everything */
    struct { char name[NAME_MAX_BYTES]; size_t n; } counts[TABLES_MAX]; /* of TABLE_MAPs so far, outside of payloads */
    size_t ncounts;
    struct seen *seen;
    struct position *ends;      /* of each batch; NULL: not wanted */
    size_t *seen_before, nends;
    size_t nseen, nddl, nqueries, differences;
    int described;
    bool stopped;
    char why[700];
};

static bool
wants(void *arg, const char *schema, const char *table)
{
    (void)arg, (void)schema, (void)table;
    return true;
}

static bool
wants_schema(void *arg, const char *schema)
{
    (void)arg, (void)schema;
    return true;
}

static enum binlog_charset
charset_of(void *arg, uint32_t collation)
{
    (void)arg;
    return binlog_charset_of_collation(collation);
}

static int
relation_now(void *arg, const char *schema, const char *table, struct relation **out, struct error *err)
{
    (void)arg, (void)out;
    return error_set(err, ERROR_FATAL, "", "%s.%s was truncated before any row of it", schema, table);
}

/* A type as the server has it, of a table as it is in the end. */
static const char *
type_now(const struct capture *c, const char *schema, const char *table, const char *column)
{
    json_t *line, *field;
    size_t i, k;

    json_array_foreach(c->tables, i, line)
    {
        if (json_object_get(line, "columns") == NULL ||
            strcmp(json_string_value(json_object_get(line, "db")), schema) != 0 ||
            strcmp(json_string_value(json_object_get(line, "table")), table) != 0)
            continue;
        json_array_foreach(json_object_get(line, "columns"), k, field)
        {
            if (strcmp(json_string_value(json_object_get(field, "name")), column) == 0)
                return json_string_value(json_object_get(field, "type"));
        }
    }
    return "";
}

static size_t *
count_of(struct reader *r, const char *name)
{
    for (size_t i = 0; i < r->ncounts; i++) {
        if (strcmp(r->counts[i].name, name) == 0)
            return &r->counts[i].n;
    }
    assert_true(r->ncounts < TABLES_MAX);
    snprintf(r->counts[r->ncounts].name, NAME_MAX_BYTES, "%s", name);
    return &r->counts[r->ncounts++].n;
}

/* The relation of as many TABLE_MAPs of this name in the capture that says everything: its script is the same. */
static const struct relation *
known_shape(struct reader *r, const char *name)
{
    size_t want = *count_of(r, name), n = 0;

    for (size_t i = 0; i < r->known->n; i++) {
        if (strcmp(r->known->at[i].name, name) == 0 && ++n == want)
            return r->known->at[i].relation;
    }
    fail_msg("TABLE_MAP %zu of %s is not among those that say everything (%zu)", want, name, n);
    return NULL;
}

static int
describe(void *arg, struct relation *rel, struct binlog_column *columns, unsigned missing, struct error *err)
{
    struct reader *r = arg;
    char name[NAME_MAX_BYTES];
    const struct relation *full;

    (void)err;
    r->described++;
    if ((missing & MISSING_NAMES) == 0) {
        for (uint16_t i = 0; i < rel->ncolumns; i++) {
            const char *type = type_now(r->capture, rel->schema, rel->table, rel->columns[i].name);

            columns[i].disguise = strcmp(type, "uuid") == 0    ? DISGUISE_UUID
                                  : strcmp(type, "inet6") == 0 ? DISGUISE_INET6
                                  : strcmp(type, "inet4") == 0 ? DISGUISE_INET4
                                                               : DISGUISE_NONE;
        }
        return 0;
    }
    snprintf(name, sizeof(name), "%s.%s", rel->schema, rel->table);
    assert_non_null(r->known);
    full = known_shape(r, name);
    assert_int_equal(full->ncolumns, rel->ncolumns);
    rel->nkey = full->nkey;
    rel->key = arena_copy(&rel->arena, full->key, full->nkey * sizeof(*full->key));
    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        const struct binlog_column *how = full->columns[i].binlog;

        /* what the event does say is the same */
        assert_int_equal(columns[i].type, how->type);
        assert_int_equal(columns[i].max_bytes, how->max_bytes);
        assert_int_equal(columns[i].width, how->width);
        assert_int_equal(columns[i].fraction, how->fraction);
        columns[i] = *how;
        rel->columns[i].name = full->columns[i].name;
        rel->columns[i].identity = full->columns[i].identity;
    }
    return 0;
}

static void
reader_open(struct reader *r, struct capture *c, size_t batch_size, struct tables *tables)
{
    struct error err = ERROR_INIT;
    struct binlog_framer_settings set = {
        .reading = {.mariadb = is_mariadb(c), .charset_of = charset_of, .describe = describe, .arg = r},
        .wants = wants,
        .wants_schema = wants_schema,
        .relation_now = relation_now,
        .arg = r,
        .batch_size = batch_size,
        .event_max = 1 << 24,
        .accept_nontransactional = true,
        .keep_query = true,
        .keep_ddl = true,
    };

    *r = (struct reader){.capture = c, .batch = batch_new(), .tables = tables};
    assert_int_equal(binlog_framer_init(&r->framer, &set, &err), 0);
}

static void
reader_close(struct reader *r)
{
    batch_free(r->batch);
    binlog_framer_free(&r->framer);
    for (size_t i = 0; i < r->nends; i++)
        position_clear(&r->ends[i]);
    free(r->ends);
    free(r->seen_before);
    free(r->seen);
}

/* ---- what comes ---- */

/* The relation with bytes in place of texts of sets that are not UTF-8. */
static struct relation *
raw_twin(const struct relation *rel)
{
    struct relation *twin = relation_new(0, rel->schema, rel->table, rel->ncolumns);

    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        struct binlog_column *how = arena_copy(&twin->arena, rel->columns[i].binlog, sizeof(*how));

        twin->columns[i] = rel->columns[i];
        twin->columns[i].name = arena_strdup(&twin->arena, rel->columns[i].name);
        twin->columns[i].binlog = how;
        if (rel->columns[i].type != TYPE_TEXT || how->charset <= BINLOG_CHARSET_UTF8MB3)
            continue;
        how->charset = BINLOG_CHARSET_BINARY;
        twin->columns[i].type = TYPE_BYTES;
    }
    return twin;
}

/* The row holds a text that is not valid in its character set: as bytes. */
static void
apply_raw(struct reader *r, const struct frame *frame, struct relation *twin)
{
    struct arena frame_arena = {0}, arena = {0};
    struct frame copy = *frame;
    struct change change;
    struct error err = ERROR_INIT;
    struct rows rows;
    int rc;

    copy.relation = twin;
    assert_int_equal(decoder_binlog.begin(&rows, r->batch, &copy, &frame_arena, &err), 0);
    while ((rc = decoder_binlog.next(&rows, &arena, &change, &err)) == 1) {
        apply(r->tables, &change);
        r->tables->raw_rows++;
        arena_reset(&arena);
    }
    if (rc == -1)
        fail_msg("as bytes: %s", err.text);
    arena_free(&frame_arena);
    arena_free(&arena);
}

static void
apply_frame(struct reader *r, const struct frame *frame)
{
    struct arena frame_arena = {0}, arena = {0};
    struct change change;
    struct error err = ERROR_INIT;
    struct rows rows;
    struct relation *twin;
    int rc = decoder_binlog.begin(&rows, r->batch, frame, &frame_arena, &err);

    while (rc == 0 && (rc = decoder_binlog.next(&rows, &arena, &change, &err)) == 1) {
        assert_int_equal(change.row + 1, rows.row);
        apply(r->tables, &change);
        arena_reset(&arena);
        rc = 0;
    }
    if (rc == -1 && strcmp(err.code, "E_TEXT_ENCODING") == 0 && rows.row == 0) {
        if (getenv("GOLDEN_SHOW") != NULL)
            printf("# %s\n", err.text);
        twin = raw_twin(frame->relation);
        apply_raw(r, frame, twin);
        relation_release(twin);
    } else if (rc == -1 && strcmp(r->capture->variant, "partial-json-minimal") == 0 && strcmp(err.code, "E_VALUE") == 0 &&
               strstr(err.text, "only the difference") != NULL) {
        r->differences++;
    } else if (rc == -1) {
        fail_msg("%s %s: %s", r->capture->server, r->capture->variant, err.text);
    }
    arena_free(&frame_arena);
    arena_free(&arena);
}

static void
take_frame(struct reader *r, const struct frame *frame)
{
    struct bytes message = batch_message(r->batch, frame);
    const struct transaction *id = &r->batch->transactions[frame->transaction].id;
    char text[4000];

    if (frame->kind == FRAME_STOP) {
        r->stopped = true;
        snprintf(r->why, sizeof(r->why), "%s %.*s", (const char *)message.at,
                 (int)(message.len - strlen((const char *)message.at) - 1),
                 (const char *)message.at + strlen((const char *)message.at) + 1);
        return;
    }
    r->nqueries += frame->query_length > 0;
    r->nddl += frame->kind == FRAME_DDL;
    r->seen = realloc(r->seen, (r->nseen + 1) * sizeof(*r->seen));
    memset(&r->seen[r->nseen], 0, sizeof(*r->seen));
    r->seen[r->nseen].gtid = id->gtid;
    r->seen[r->nseen].begin = (uint64_t)id->begin.number << 32 | id->begin.pos;
    r->seen[r->nseen].ordinal = frame->ordinal;
    r->seen[r->nseen++].kind = frame->kind;
    if (r->tables == NULL)
        return;
    if (frame->kind == FRAME_DDL) {
        size_t schema = strlen((const char *)message.at) + 1;

        snprintf(text, sizeof(text), "%.*s", (int)(message.len - schema), (const char *)message.at + schema);
        define(r->tables, text);
    } else {
        apply_frame(r, frame);
    }
}

static void
hand_on(struct reader *r)
{
    struct error err = ERROR_INIT;

    assert_int_equal(binlog_framer_finish(&r->framer, r->batch, &err), 0);
    for (uint32_t i = 0; i < r->batch->nframes; i++)
        take_frame(r, &r->batch->frames[i]);
    if (r->ends != NULL) {
        r->ends = realloc(r->ends, (r->nends + 1) * sizeof(*r->ends));
        r->seen_before = realloc(r->seen_before, (r->nends + 1) * sizeof(*r->seen_before));
        memset(&r->ends[r->nends], 0, sizeof(*r->ends));
        position_copy(&r->ends[r->nends], &r->batch->end);
        r->seen_before[r->nends++] = r->nseen;
    }
    batch_reset(r->batch, 0);
}

/* ---- reading a capture ---- */

static void
artificial_rotate(struct reader *r, size_t file, uint64_t pos)
{
    struct error err = ERROR_INIT;
    struct buffer event = {0};
    bool full, sums = r->framer.checksums;
    const char *name = r->capture->names[file];
    uint32_t size = (uint32_t)(EVENT_HEADER_BYTES + 8 + strlen(name));

    r->framer.checksums = false;
    buffer_put(&event, "\0\0\0\0\4\1\0\0\0", 9);
    buffer_put_le32(&event, size);
    buffer_put(&event, "\0\0\0\0\x20\0", 6);
    buffer_put_le64(&event, pos);
    buffer_put_string(&event, name);
    if (binlog_framer_event(&r->framer, bytes_of(event.at, event.len), r->batch, &full, &err) == -1)
        fail_msg("%s", err.text);
    r->framer.checksums = sums;
    buffer_free(&event);
}

/* A second reader, that starts where the XA transaction was prepared. */
static void
replay(struct reader *r)
{
    struct xa_prepared xa = *binlog_framer_replay(&r->framer);
    struct error err = ERROR_INIT;
    struct bytes raw;
    size_t pos = xa.begin.pos, file = 0;
    char name[LOG_FILE_MAX];
    int rc = 0;

    log_file_print(&xa.begin, name);
    while (file < r->capture->nfiles && strcmp(r->capture->names[file], name) != 0)
        file++;
    if (file == r->capture->nfiles)
        fail_msg("%s is not a file of the capture", name);
    while (rc == 0) {
        bool full = false;

        if (binlog_framer_replay_more(&r->framer)) {
            rc = binlog_framer_replay_continue(&r->framer, r->batch, &full, &err);
        } else {
            raw = event_at(r->capture->files[file], pos);
            assert_true(raw.len > 0);
            pos += raw.len;
            rc = binlog_framer_replay_event(&r->framer, raw, r->framer.checksums, r->batch, &full, &err);
        }
        if (full && rc == 0)
            hand_on(r);
    }
    if (rc == -1)
        fail_msg("replay of %s: %s", xa.xid, err.text);
}

static void
note_map(struct reader *r, struct bytes raw)
{
    struct binlog_table_name name;
    char text[NAME_MAX_BYTES];

    if (binlog_table_name_read(bytes_of(raw.at + EVENT_HEADER_BYTES, raw.len - EVENT_HEADER_BYTES), &name, NULL) == -1)
        fail_msg("a table map");
    snprintf(text, sizeof(text), "%.*s.%.*s", (int)name.schema.len, (const char *)name.schema.at, (int)name.table.len,
             (const char *)name.table.at);
    ++*count_of(r, text);
}

/* After it was taken. */
static void
keep_shape(struct reader *r, struct bytes raw)
{
    struct binlog_table_name name;
    struct relation *rel;
    struct shape *shape = &r->made->at[r->made->n];

    if (binlog_table_name_read(bytes_of(raw.at + EVENT_HEADER_BYTES, raw.len - EVENT_HEADER_BYTES), &name, NULL) == -1)
        fail_msg("a table map");
    rel = binlog_tables_find(&r->framer, name.table_id);
    assert_non_null(rel);
    assert_true(r->made->n < SHAPES_MAX);
    snprintf(shape->name, sizeof(shape->name), "%s.%s", rel->schema, rel->table);
    shape->relation = relation_keep(rel);
    r->made->n++;
}

/* One event and all that follows from it. */
static void
one_event(struct reader *r, struct bytes raw, size_t file, size_t pos)
{
    struct error err = ERROR_INIT;
    bool full = false;

    if (raw.at[4] == EVENT_TABLE_MAP)
        note_map(r, raw);
    if (binlog_framer_event(&r->framer, raw, r->batch, &full, &err) == -1)
        fail_msg("%s %s: %s/%zu type %u: %s", r->capture->server, r->capture->variant, r->capture->names[file], pos,
                 raw.at[4], err.text);
    if (raw.at[4] == EVENT_TABLE_MAP && r->made != NULL)
        keep_shape(r, raw);
    for (;;) {
        if (full)
            hand_on(r);
        full = false;
        if (binlog_framer_replay(&r->framer) != NULL) {
            replay(r);
            full = true;
        } else if (binlog_framer_more(&r->framer)) {
            if (binlog_framer_continue(&r->framer, r->batch, &full, &err) == -1)
                fail_msg("payload: %s", err.text);
        } else {
            break;
        }
    }
}

/* From this place of a file to the end of all. */
static void
read_on(struct reader *r, size_t file, size_t pos)
{
    binlog_framer_connected(&r->framer, false, "1");
    for (; file < r->capture->nfiles && !r->stopped && !r->framer.stopped; file++, pos = 4) {
        struct bytes all = r->capture->files[file], raw;

        artificial_rotate(r, file, pos);
        if (pos != 4) { /* the format, as the server sends it then */
            struct error err = ERROR_INIT;
            char version[51];

            assert_int_equal(binlog_format_read(event_at(all, 4), &r->framer.checksums, version, &err), 0);
        }
        while ((raw = event_at(all, pos)).len > 0 && !r->framer.stopped) {
            one_event(r, raw, file, pos);
            pos += raw.len;
            if (raw.at[4] == EVENT_ROTATE)
                break;
        }
    }
    hand_on(r);
}

static void
resume(struct reader *r, const char *text)
{
    struct position from = {.kind = POSITION_NONE};
    struct error err = ERROR_INIT;

    if (position_parse(&from, text, &err) == -1)
        fail_msg("%s: %s", text, err.text);
    assert_int_equal(binlog_framer_resume(&r->framer, &from, 1, &err), 0);
    position_clear(&from);
}

static void
resume_at_start(struct reader *r)
{
    char text[60];

    snprintf(text, sizeof(text), "file:%s/4", r->capture->names[0]);
    resume(r, is_mariadb(r->capture)                               ? "mariadb:"
              : strcmp(r->capture->variant, "anonymous") == 0 ? text
                                                              : "gtid:");
}

/* ---- the judgement ---- */

struct judge {
    const struct capture *capture;
    const char *table;
    size_t compared, unknown;
    char complaint[1000];
};

static bool
complain(struct judge *j, const char *column, const char *form, const char *want, const struct cell *got)
{
    snprintf(j->complaint, sizeof(j->complaint), "%s %s: %s.%s (%s): expected %.300s, got %.300s", j->capture->server,
             j->capture->variant, j->table, column, form, want,
             got->state == CELL_SET ? got->text : got->state == CELL_NULL ? "NULL" : "nothing");
    return false;
}

static bool
is_time_type(const char *type)
{
    return strncmp(type, "time", 4) == 0 || strncmp(type, "datetime", 8) == 0;
}

/* The value in hexadecimal digits of upper case; CHARs padded with zeros. */
static bool
raw_fits(const struct cell *cell, const char *hex)
{
    size_t n = strlen(hex);

    if (cell->len < n || memcmp(cell->text, hex, n) != 0)
        return false;
    return cell->len == n || (cell->column->binlog->type == BINLOG_STRING && strspn(cell->text + n, "0") == cell->len - n);
}

static bool
converted_fits(const struct cell *cell, const char *hex)
{
    struct arena arena = {0};
    size_t n = strlen(hex) / 2;
    uint8_t *raw = arena_alloc(&arena, n);
    struct bytes text = {NULL, 0};
    bool fits;

    for (size_t i = 0; i < n; i++)
        sscanf(hex + 2 * i, "%2hhx", &raw[i]);
    fits = binlog_charset_utf8(cell->column->binlog->charset, bytes_of(raw, n), &arena, &text) == 0 &&
           bytes_equal(text, bytes_of(cell->text, cell->len));
    arena_free(&arena);
    return fits;
}

static bool
labels_fit(const struct cell *cell, uint64_t number)
{
    const struct binlog_column *how = cell->column->binlog;
    struct buffer want = {0};
    bool fits;

    for (uint16_t i = 0; i < how->nlabels; i++) {
        if (how->type == BINLOG_ENUM ? i + 1u != number : (number >> i & 1) == 0)
            continue;
        if (want.len > 0)
            buffer_put_u8(&want, ',');
        buffer_put(&want, how->labels[i].at, how->labels[i].len);
    }
    fits = bytes_equal(bytes_of(want.at, want.len), bytes_of(cell->text, cell->len));
    buffer_free(&want);
    return fits;
}

static bool
number_fits(const struct cell *cell, const char *want)
{
    double f;

    if (cell->column->type == TYPE_FLOAT32 || cell->column->type == TYPE_FLOAT64) {
        f = strtod(want, NULL);
        return memcmp(&f, &cell->number, sizeof(f)) == 0;
    }
    if (cell->column->type == TYPE_ENUM || cell->column->type == TYPE_SET)
        return labels_fit(cell, strtoull(want, NULL, 10));
    return strcmp(cell->text, want) == 0;
}

/* As many digits as the server shows. */
static bool
float_text_fits(const struct cell *cell, const char *type, const char *want)
{
    double f = strtod(want, NULL), off = fabs(f - cell->number);
    const char *comma = strchr(type, ',');

    if (comma != NULL)
        return off <= 0.50001 * pow(10, -atoi(comma + 1));
    if (cell->column->type == TYPE_FLOAT64)
        return memcmp(&f, &cell->number, sizeof(f)) == 0;
    return off <= 1e-5 * fabs(f);
}

static bool
text_fits(const struct cell *cell, const char *type, const json_t *want)
{
    struct buffer text = {0};
    bool fits;

    if (cell->column->type == TYPE_FLOAT32 || cell->column->type == TYPE_FLOAT64)
        return float_text_fits(cell, type, json_string_value(want));
    if (strstr(type, "zerofill") != NULL)
        return strtoull(json_string_value(want), NULL, 10) == strtoull(cell->text, NULL, 10);
    buffer_put(&text, json_string_value(want), json_string_length(want));
    if (is_time_type(type))
        trim_fraction(&text);
    fits = bytes_equal(bytes_of(text.at, text.len), bytes_of(cell->text, cell->len));
    buffer_free(&text);
    return fits;
}

/* One value of the file: null, a string, or one for each form. */
static bool
value_fits(struct judge *j, const struct cell *cell, const json_t *column, const json_t *want)
{
    const char *name = json_string_value(json_object_get(column, "name"));
    const char *type = json_string_value(json_object_get(column, "type"));
    json_t *forms = json_object_get(column, "forms"), *form;
    size_t i;
    bool raw = cell != NULL && cell->column->type == TYPE_BYTES;

    if (cell == NULL || cell->state == CELL_UNKNOWN) {
        j->unknown++;
        return true;
    }
    if (json_is_null(want) || cell->state == CELL_NULL)
        return (json_is_null(want) && cell->state == CELL_NULL) || complain(j, name, "null", "?", cell);
    json_array_foreach(forms, i, form)
    {
        const char *what = json_string_value(form);
        const json_t *one = json_is_array(want) ? json_array_get(want, i) : want;
        const char *text = json_string_value(one);
        bool fits;

        if (strcmp(what, "hex") == 0)
            fits = json_array_size(forms) > 1 && !raw ? converted_fits(cell, text)
                   : raw                              ? raw_fits(cell, text)
                                                      : strcmp(cell->text, text) == 0;
        else if (strcmp(what, "number") == 0)
            fits = number_fits(cell, text);
        else if (raw)
            continue; /* it is not valid: the server shows marks in its place */
        else
            fits = text_fits(cell, type, one);
        if (!fits)
            return complain(j, name, what, text, cell);
        j->compared++;
    }
    return true;
}

static bool
expected_fits(struct judge *j, const struct row *row, const json_t *columns, const json_t *values, const json_t *only)
{
    json_t *column;
    size_t i;

    json_array_foreach(columns, i, column)
    {
        const char *name = json_string_value(json_object_get(column, "name"));
        size_t k;
        json_t *key;
        bool mine = only == NULL;

        json_array_foreach(only, k, key)
            mine = mine || strcmp(json_string_value(key), name) == 0;
        if (mine && !value_fits(j, cell_named(row, name), column, json_array_get(values, i)))
            return false;
    }
    return true;
}

static void
judge_row(struct judge *j, struct table *table, const json_t *head, const json_t *values)
{
    json_t *columns = json_object_get(head, "columns"), *key = json_object_get(head, "key");
    bool keyed = json_array_size(key) > 0 && strcmp(json_string_value(json_object_get(head, "kind")), "BASE TABLE") == 0;

    j->complaint[0] = 0;
    for (size_t i = 0; i < table->nrows; i++) {
        struct row *row = &table->rows[i];

        if (row->taken || (keyed && !expected_fits(j, row, columns, values, key)))
            continue;
        if (expected_fits(j, row, columns, values, NULL)) {
            row->taken = true;
            return;
        }
        if (keyed)
            break;
    }
    fail_msg("%s: no row %.500s; %s", table->name, json_dumps(values, 0), j->complaint);
}

/* MariaDB writes nothing of what a foreign key does to its children. */
static bool
is_beyond_the_log(const struct capture *c, const char *name)
{
    return is_mariadb(c) && (strcmp(name, "golden.fk_child") == 0 || strcmp(name, "golden.fk_null") == 0);
}

static void
judge_tables(struct judge *j, struct tables *all, const char *lost)
{
    json_t *line, *head = NULL;
    size_t i;
    struct table *table = NULL;
    char name[NAME_MAX_BYTES];

    json_array_foreach(j->capture->tables, i, line)
    {
        snprintf(name, sizeof(name), "%s.%s", json_string_value(json_object_get(line, "db")),
                 json_string_value(json_object_get(line, "table")));
        if (json_object_get(line, "columns") != NULL) {
            head = line;
            table = table_of(all, name);
            j->table = table->name;
            if (strcmp(json_string_value(json_object_get(head, "kind")), "SEQUENCE") == 0) {
                assert_int_equal(table->nrows, 0);
                table = NULL;
            } else if (is_beyond_the_log(j->capture, name)) {
                table = NULL;
            } else if (table->lost) {
                if (strstr(lost, name) == NULL)
                    fail_msg("%s %s: a change of %s did not say of which row", j->capture->server, j->capture->variant,
                             name);
                table = NULL;
            } else if (table->nrows != (size_t)json_integer_value(json_object_get(head, "rows"))) {
                fail_msg("%s %s: %s has %zu rows, expected %lld", j->capture->server, j->capture->variant, name,
                         table->nrows, (long long)json_integer_value(json_object_get(head, "rows")));
            }
        } else if (table != NULL) {
            judge_row(j, table, head, json_object_get(line, "row"));
        }
    }
}

/* ---- the tests ---- */

static void
keep_shapes(struct capture *c, struct shapes *out)
{
    struct reader *r = malloc(sizeof(*r));

    reader_open(r, c, 1 << 20, NULL);
    r->made = out;
    resume_at_start(r);
    read_on(r, 0, 4);
    reader_close(r);
    free(r);
}

static void
shapes_free(struct shapes *shapes)
{
    for (size_t i = 0; i < shapes->n; i++)
        relation_release(shapes->at[i].relation);
    free(shapes);
}

/* The last position, without its place in a file. */
static void
check_end(struct reader *r)
{
    char text[POSITION_TEXT_MAX], want[POSITION_TEXT_MAX];
    struct position end = {.kind = POSITION_NONE};
    struct error err = ERROR_INIT;
    struct place *place = r->framer.last;

    if (strcmp(r->capture->variant, "anonymous") == 0) {
        assert_null(place->set);
        assert_string_equal(place->at.base, "binlog");
        /* what stands behind it is how the server stopped */
        assert_int_equal(place->at.pos, r->capture->files[r->capture->nfiles - 1].len - EVENT_HEADER_BYTES -
                                            EVENT_CHECKSUM_BYTES);
        return;
    }
    snprintf(want, sizeof(want), "%s%s", is_mariadb(r->capture) ? "mariadb:" : "gtid:",
             json_string_value(json_object_get(r->capture->about, "gtid")));
    assert_int_equal(position_parse(&end, want, &err), 0);
    position_print(&(struct position){.kind = POSITION_BINLOG, .place = place}, text);
    if (!gtid_set_equal(end.place->set, place->set))
        fail_msg("the end is %s, expected %s", text, want);
    assert_null(place->xa);
    position_clear(&end);
}

static size_t
check_capture(const char *server, const char *variant, size_t batch_size, const struct shapes *known, const char *lost)
{
    struct capture c = capture_open(server, variant);
    struct tables *tables = calloc(1, sizeof(*tables));
    struct reader *r = malloc(sizeof(*r));
    struct judge j = {.capture = &c};
    size_t compared;

    reader_open(r, &c, batch_size, tables);
    r->known = known;
    resume_at_start(r);
    read_on(r, 0, 4);
    if (r->stopped)
        fail_msg("%s %s: stopped: %s", server, variant, r->why);
    if (r->differences == 0) /* else rows are missing that can't be read */
        judge_tables(&j, tables, lost);
    check_end(r);
    assert_int_equal(r->differences > 0, strcmp(variant, "partial-json-minimal") == 0);
    if (getenv("GOLDEN_SHOW") != NULL)
        printf("# %s %s: %zu changes (%zu rows as bytes), %zu values compared, %zu not known, %zu definitions, %zu "
               "with statements, %d described\n",
               server, variant, tables->changes, tables->raw_rows, j.compared, j.unknown, r->nddl, r->nqueries,
               r->described);
    if (known == NULL && c.nfiles > 1 && json_array_size(c.tables) > 100)
        assert_int_equal(tables->raw_rows, 2); /* of all bytes, in `charsets` */
    compared = j.compared;
    reader_close(r);
    free(r);
    tables_free(tables);
    capture_close(&c);
    return compared;
}

static void
the_tables_of_mysql_are_what_the_server_says(void **state)
{
    static const size_t sizes[] = {1 << 20, 3000, 1};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        assert_true(check_capture("mysql97", "plain", sizes[i], NULL, "") > 2000);
}

static void
the_tables_of_mariadb_are_what_the_server_says(void **state)
{
    static const size_t sizes[] = {1 << 20, 3000, 1};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        assert_true(check_capture("mariadb1011", "plain", sizes[i], NULL, "") > 2000);
}

static void
compressed_logs_say_the_same(void **state)
{
    (void)state;
    assert_true(check_capture("mysql97", "compressed", 1000, NULL, "") > 2000);
    assert_true(check_capture("mariadb1011", "compressed", 1000, NULL, "") > 2000);
}

static void
images_of_less_say_the_same(void **state)
{
    static const char lost[] = "golden.key_none golden.key_unique golden.json_nokey";

    (void)state;
    assert_true(check_capture("mysql97", "minimal", 1 << 20, NULL, "") > 2000);
    assert_true(check_capture("mariadb1011", "minimal", 1 << 20, NULL, "") > 2000);
    assert_true(check_capture("mysql97", "noblob", 1 << 20, NULL, lost) > 2000);
    assert_true(check_capture("mariadb1011", "noblob", 1 << 20, NULL, lost) > 2000);
}

static void
differences_of_json_make_the_same_documents(void **state)
{
    (void)state;
    assert_true(check_capture("mysql97", "partial-json", 1 << 20, NULL, "") > 2000);
    check_capture("mysql97", "partial-json-minimal", 1 << 20, NULL, "");
}

static void
with_a_catalogue_logs_that_do_not_describe_tables_say_the_same(void **state)
{
    static const char *const captures[][2] = {{"mysql97", "minimal-metadata"},
                                              {"mariadb1011", "minimal-metadata"},
                                              {"mariadb1011", "no-metadata"}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct capture plain = capture_open(captures[i][0], "plain");
        struct shapes *known = calloc(1, sizeof(*known));

        keep_shapes(&plain, known);
        assert_true(known->n > 100);
        assert_true(check_capture(captures[i][0], captures[i][1], 1 << 20, known, "") > 2000);
        shapes_free(known);
        capture_close(&plain);
    }
}

static void
logs_without_checksums_and_without_gtids_are_read(void **state)
{
    (void)state;
    assert_true(check_capture("mysql97", "no-checksum", 1, NULL, "") > 5);
    assert_true(check_capture("mariadb1011", "no-checksum", 1, NULL, "") > 5);
    assert_true(check_capture("mysql97", "anonymous", 1, NULL, "") > 5);
}

static void
statements_stop_where_they_stand_or_are_passed_over(void **state)
{
    static const char *const servers[] = {"mysql97", "mariadb1011"};

    (void)state;
    for (int i = 0; i < 4; i++) {
        struct capture c = capture_open(servers[i % 2], "statements");
        struct tables *tables = calloc(1, sizeof(*tables));
        struct reader *r = malloc(sizeof(*r));

        reader_open(r, &c, 1000, tables);
        r->framer.set.warn_statements = i >= 2;
        resume_at_start(r);
        read_on(r, 0, 4);
        assert_int_equal(table_of(tables, "golden.t")->nrows, i >= 2 ? 2 : 1);
        assert_int_equal(r->stopped, i < 2);
        if (r->stopped)
            assert_non_null(strstr(r->why, "E_STATEMENT"));
        else
            check_end(r);
        assert_int_equal(r->framer.statements, i >= 2 ? 5 : 1);
        reader_close(r);
        free(r);
        tables_free(tables);
        capture_close(&c);
    }
}

/* Where the server would begin for this position. */
static void
read_from(struct reader *r, const struct position *from)
{
    struct error err = ERROR_INIT;
    const struct log_place *at = from->open != 0 && from->place->inside_at.number != 0 ? &from->place->inside_at
                                                                                       : &from->place->at;
    char name[LOG_FILE_MAX];
    size_t file = 0;

    assert_int_equal(binlog_framer_resume(&r->framer, from, 1, &err), 0);
    if (!is_mariadb(r->capture) || at->number == 0) { /* all of it: what is done is skipped */
        read_on(r, 0, 4);
        return;
    }
    log_file_print(at, name);
    while (strcmp(r->capture->names[file], name) != 0)
        assert_true(++file < r->capture->nfiles);
    read_on(r, file, at->pos);
}

static void
going_on_from_any_place_gives_exactly_the_rest(void **state)
{
    static const struct {
        const char *server, *variant;
        size_t step;
    } cases[] = {{"mysql97", "plain", 41},       {"mysql97", "compressed", 59},  {"mysql97", "anonymous", 1},
                 {"mariadb1011", "plain", 41},   {"mariadb1011", "compressed", 59}, {"mysql97", "no-checksum", 1},
                 {"mariadb1011", "no-checksum", 1}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct capture c = capture_open(cases[i].server, cases[i].variant);
        struct reader *all = malloc(sizeof(*all)), *rest = malloc(sizeof(*rest));
        size_t tried = 0;

        reader_open(all, &c, 1, NULL);
        all->ends = calloc(1, sizeof(*all->ends));
        all->seen_before = calloc(1, sizeof(*all->seen_before));
        resume_at_start(all);
        read_on(all, 0, 4);
        for (size_t k = 0; k < all->nends; k++) {
            const struct position *from = &all->ends[k];
            size_t before = all->seen_before[k];
            char at[POSITION_TEXT_MAX];

            /* every so many, and everything about XA */
            if (k % cases[i].step != 0 && (from->place->xa == NULL || k % 5 != 0))
                continue;
            reader_open(rest, &c, 700, NULL);
            read_from(rest, from);
            tried++;
            if (rest->nseen != all->nseen - before)
                fail_msg("%s %s: from %s come %zu changes, expected %zu", c.server, c.variant, position_print(from, at),
                         rest->nseen, all->nseen - before);
            assert_memory_equal(rest->seen, all->seen + before, rest->nseen * sizeof(*rest->seen));
            reader_close(rest);
        }
        assert_true(tried > 5);
        reader_close(all);
        free(all);
        free(rest);
        capture_close(&c);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_of_mysql_are_what_the_server_says),
        cmocka_unit_test(the_tables_of_mariadb_are_what_the_server_says),
        cmocka_unit_test(compressed_logs_say_the_same),
        cmocka_unit_test(images_of_less_say_the_same),
        cmocka_unit_test(differences_of_json_make_the_same_documents),
        cmocka_unit_test(with_a_catalogue_logs_that_do_not_describe_tables_say_the_same),
        cmocka_unit_test(logs_without_checksums_and_without_gtids_are_read),
        cmocka_unit_test(statements_stop_where_they_stand_or_are_passed_over),
        cmocka_unit_test(going_on_from_any_place_gives_exactly_the_rest),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
