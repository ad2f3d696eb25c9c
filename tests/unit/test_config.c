/*
 * test_config.c -- one file to one pipeline's settings, and every way in which a file is wrong.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cdc/config.h"
#include "cdc/log.h"
#include "cdc/source_kind.h"

#define SOURCE                                                                                     \
    "source:\n"                                                                                    \
    "  type: postgresql\n"                                                                         \
    "  url: postgresql://cdc@db1:5432/shop\n"                                                      \
    "  tables: [public.orders, \"inventory.*\"]\n"
#define BINLOG(type)                                                                               \
    "source:\n"                                                                                    \
    "  type: " type "\n"                                                                           \
    "  url: mysql://cdc@db1:3306\n"                                                                \
    "  tables: [shop.orders, \"inventory.*\"]\n"
#define TOP "pipeline: shop\nstate_dir: /tmp\n"
#define NULL_SINK "sinks:\n  - {name: nothing, type: null}\n"
#define KAFKA                                                                                      \
    "sinks:\n"                                                                                     \
    "  - name: events\n"                                                                           \
    "    type: kafka\n"                                                                            \
    "    brokers: k1:9092\n"

static struct error err;

static struct config *
parse(const char *text)
{
    struct config *config = NULL;
    err = (struct error)ERROR_INIT;
    if (config_parse(&config, "shop.yaml", bytes_of_string(text), &err) == -1)
        return NULL;
    return config;
}

static struct config *
must_parse(const char *text)
{
    struct config *config = parse(text);
    if (config == NULL)
        fail_msg("%s", err.text);
    return config;
}

/* The text is refused, and the complaint begins and goes on as said. */
static void
refused(const char *text, const char *place, const char *what)
{
    struct config *config = parse(text);
    if (config != NULL)
        fail_msg("was taken: %s", text);
    assert_int_equal(err.kind, ERROR_CONFIG);
    if (strncmp(err.text, place, strlen(place)) != 0 || strstr(err.text, what) == NULL)
        fail_msg("expected \"%s ... %s\", got \"%s\"", place, what, err.text);
}

static void
what_is_not_said_has_its_default(void **state)
{
    struct config *c = must_parse(TOP SOURCE NULL_SINK);
    (void)state;
    assert_string_equal(c->pipeline, "shop");
    assert_string_equal(c->audit, "/tmp/audit.log");
    assert_string_equal(c->source.tables[1], "inventory.*");
    assert_null(c->source.tables[2]);
    assert_null(c->source.exclude[0]);
    assert_null(c->source.slot);
    assert_int_equal(c->source.type, CONNECTOR_POSTGRESQL);
    assert_int_equal(c->source.keyless, KEYLESS_REFUSE);
    assert_int_equal(c->source.status_ms, 10000);
    assert_int_equal(c->batch.size, 128 << 10);
    assert_int_equal(c->batch.buffer, 24 << 20);
    assert_int_equal(c->batch.threads, 2);
    assert_int_equal(c->log.level, LOG_INFO);
    assert_int_equal(c->nsinks, 1);
    assert_ptr_equal(c->sinks[0].ops, &sink_null);
    assert_string_equal(c->sinks[0].topic, "{pipeline}.{schema}.{table}");
    assert_int_equal(c->sinks[0].format, FORMAT_JSON);
    assert_false(c->sinks[0].tombstones);
    assert_int_equal(c->sinks[0].transaction, TRANSACTION_SPLIT);
    assert_true(c->sinks[0].registry_auto_register);
    assert_int_equal(c->sinks[0].commit_ms, 1000);
    assert_null(c->sinks[0].key[0].key);
    config_free(c);
}

static void
defaults_depend_on_the_type_and_the_envelope(void **state)
{
    struct config *c =
        must_parse("pipeline: shop\n" SOURCE KAFKA "    registry: http://r:8081/api\n");
    (void)state;
    assert_int_equal(c->sinks[0].format, FORMAT_AVRO);
    assert_true(c->sinks[0].tombstones);
    assert_int_equal(c->sinks[0].truncate, TRUNCATE_WARN);
    assert_null(c->audit);
    config_free(c);
    c = must_parse("pipeline: shop\n" SOURCE KAFKA
                   "    format: json\n    envelope: plain\n    tombstones: false\n");
    assert_int_equal(c->sinks[0].truncate, TRUNCATE_EMIT);
    assert_false(c->sinks[0].tombstones);
    config_free(c);
    c = must_parse("pipeline: shop\n" SOURCE KAFKA
                   "    format: json\n    envelope: plain\n    truncate: stop\n");
    assert_int_equal(c->sinks[0].truncate, TRUNCATE_STOP);
    config_free(c);
}

static void
json_is_yaml(void **state)
{
    struct config *c =
        must_parse("{\"pipeline\": \"shop\", \"source\": {\"type\": \"postgresql\","
                   " \"url\": \"postgresql://db/shop\", \"tables\": [\"public.*\"]},"
                   " \"sinks\": [{\"name\": \"e\", \"type\": \"kafka\", \"brokers\": \"k:1\","
                   " \"format\": \"json\", \"partitions\": 3}], \"batch\": {\"threads\": 4}}");
    (void)state;
    assert_int_equal(c->batch.threads, 4);
    config_free(c);
}

static void
key_columns_may_be_a_list(void **state)
{
    struct config *c = must_parse("pipeline: shop\n" SOURCE KAFKA "    format: json\n"
                                  "    key: {public.orders: [customer, id], \"inv.*\": sku}\n");
    struct encoder_settings settings;
    (void)state;
    assert_string_equal(c->sinks[0].key[0].key, "public.orders");
    assert_string_equal(c->sinks[0].key[0].value, "customer,id");
    assert_string_equal(c->sinks[0].key[1].value, "sku");
    assert_null(c->sinks[0].key[2].key);
    assert_int_equal(config_encoder(c, 0, "shopdb", NULL, &settings), 0);
    assert_string_equal(settings.keys[0].table, "public.orders");
    assert_string_equal(settings.keys[1].columns, "sku");
    assert_null(settings.keys[2].table);
    assert_string_equal(settings.database, "shopdb");
    assert_string_equal(settings.pipeline, "shop");
    assert_int_equal(settings.format, FORMAT_JSON);
    assert_int_equal(settings.truncate, TRUNCATE_WARN);
    assert_false(settings.line);
    config_free(c);
}

static void
stdout_wants_lines(void **state)
{
    struct config *c = must_parse(TOP SOURCE "sinks:\n - {name: out, type: stdout}\n");
    struct encoder_settings settings;
    (void)state;
    config_encoder(c, 0, "db", NULL, &settings);
    assert_true(settings.line);
    assert_null(settings.schemas);
    config_free(c);
}

static void
one_text_is_a_list_of_one(void **state)
{
    struct config *c = must_parse(TOP "source: {type: postgresql, url: \"postgres://h/d\", "
                                      "tables: public.a, exclude: \"public.b\"}\n" NULL_SINK);
    (void)state;
    assert_string_equal(c->source.tables[0], "public.a");
    assert_null(c->source.tables[1]);
    assert_string_equal(c->source.exclude[0], "public.b");
    config_free(c);
}

static void
an_unknown_key_names_the_nearest(void **state)
{
    (void)state;
    refused("pipelien: shop\n" SOURCE NULL_SINK,
            "shop.yaml:1: pipelien: ", "did you mean pipeline?");
    refused(TOP SOURCE "  tabels: [a.b]\n" NULL_SINK, "shop.yaml:7: source.tabels: ", "tables");
    refused(TOP SOURCE NULL_SINK "batches: {}\n", "shop.yaml:9: batches: ", "batch");
    refused(TOP SOURCE KAFKA "    brokrs: x\n", "shop.yaml:11: sinks[0].brokrs: ", "brokers");
    refused(TOP SOURCE KAFKA "    zzzzzzzz: x\n",
            "shop.yaml:11: sinks[0].zzzzzzzz: ", "unknown key");
    refused(TOP SOURCE "sinks:\n - {name: a, type: null, brokers: x}\n",
            "shop.yaml:8: sinks[0].brokers: ", "unknown key");
}

static void
what_is_required_is_asked_for(void **state)
{
    (void)state;
    refused(SOURCE NULL_SINK, "shop.yaml:1: pipeline: ", "required");
    refused(TOP NULL_SINK, "shop.yaml:1: source: ", "required");
    refused(TOP SOURCE, "shop.yaml:1: sinks: ", "required");
    refused(TOP "source: {type: postgresql, url: \"postgresql://h/d\"}\n" NULL_SINK,
            "shop.yaml:3: source.tables: ", "required");
    refused(TOP SOURCE "sinks:\n - {type: null}\n", "shop.yaml:8: sinks[0].name: ", "required");
    refused(TOP SOURCE "sinks:\n - {name: a}\n", "shop.yaml:8: sinks[0].type: ", "required");
    refused(TOP SOURCE "sinks:\n - {name: a, type: kafka, format: json}\n",
            "shop.yaml:8: sinks[0].brokers: ", "required");
    refused(TOP SOURCE KAFKA, "shop.yaml:8: sinks[0].registry: ", "avro");
    refused("pipeline: shop\n" SOURCE NULL_SINK, "shop.yaml:7: sinks[0]: ", "state_dir");
    refused(TOP SOURCE "sinks: []\n", "shop.yaml:7: sinks: ", "one at least");
    refused(TOP "source:\n" NULL_SINK, "shop.yaml:3: source: ", "map");
}

static void
names_are_plain(void **state)
{
    static const char *const bad[] = {"Shop",
                                      "sh-op",
                                      "sh op",
                                      "sh/op",
                                      "schön",
                                      "\"\"",
                                      "a2345678901234567890123456789012345678901",
                                      "'a\"b'"};
    char text[1000];
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "pipeline: %s\nstate_dir: /tmp\n" SOURCE NULL_SINK, bad[i]);
        refused(text, "shop.yaml:1: pipeline: ", "a-z");
        snprintf(text, sizeof(text), TOP SOURCE "sinks:\n - {name: %s, type: null}\n", bad[i]);
        refused(text, "shop.yaml:8: sinks[0].name: ", "a-z");
    }
    refused(TOP SOURCE "  slot: a-b\n" NULL_SINK, "shop.yaml:7: source.slot: ", "a-z");
    refused(TOP SOURCE "  publication: \"\"\n" NULL_SINK,
            "shop.yaml:7: source.publication: ", "1 to");
    refused(TOP SOURCE "sinks:\n - {name: a, type: null}\n - {name: a, type: null}\n",
            "shop.yaml:9: sinks[1].name: ", "another sink");
}

static void
values_are_checked_where_they_stand(void **state)
{
    (void)state;
    refused(TOP SOURCE "  keyless: yes\n" NULL_SINK,
            "shop.yaml:7: source.keyless: ", "refuse, inserts");
    refused(TOP SOURCE "  snapshot: initial\n" NULL_SINK,
            "shop.yaml:7: source.snapshot: ", "never");
    refused(TOP SOURCE NULL_SINK "batch: {size: 64KB}\n", "shop.yaml:9: batch.size: ", "KiB");
    refused(TOP SOURCE NULL_SINK "batch: {threads: 0}\n",
            "shop.yaml:9: batch.threads: ", "at least 1");
    refused(TOP SOURCE NULL_SINK "batch: {threads: 1e1}\n",
            "shop.yaml:9: batch.threads: ", "whole");
    refused(TOP SOURCE NULL_SINK "batch: {threads: [1]}\n",
            "shop.yaml:9: batch.threads: ", "one value");
    refused(TOP SOURCE NULL_SINK "batch: {threads: }\n",
            "shop.yaml:9: batch.threads: ", "no value");
    refused(TOP SOURCE NULL_SINK "batch: {size: 32MiB}\n",
            "shop.yaml:9: batch.buffer: ", "four times");
    refused(TOP SOURCE NULL_SINK "log: loud\n", "shop.yaml:9: log: ", "map");
    refused(TOP SOURCE NULL_SINK "log: {level: 3}\n", "shop.yaml:9: log.level: ", "error, warn");
    refused(TOP SOURCE KAFKA "    format: json\n    tombstones: no\n",
            "shop.yaml:12: sinks[0].tombstones: ", "true or false");
    refused(TOP SOURCE KAFKA "    format: json\n    options: [a]\n",
            "shop.yaml:12: sinks[0].options: ", "map");
    refused(TOP SOURCE KAFKA "    format: json\n    options: {a: {b: c}}\n",
            "shop.yaml:12: sinks[0].options.a: ", "texts");
    refused(TOP SOURCE "sinks:\n - {name: a, type: kafak}\n",
            "shop.yaml:8: sinks[0].type: ", "kafka");
}

static void
urls_tables_and_topics_have_a_form(void **state)
{
    (void)state;
    refused(TOP "source: {type: postgresql, url: \"host=db\", tables: a.b}\n" NULL_SINK,
            "shop.yaml:3: source.url: ", "postgresql://");
    refused(TOP
            "source: {type: postgresql, url: \"postgresql://h/d\", tables: [orders]}\n" NULL_SINK,
            "shop.yaml:3: source.tables: ", "schema.table");
    refused(TOP "source: {type: postgresql, url: \"postgresql://h/d\", tables: []}\n" NULL_SINK,
            "shop.yaml:3: source.tables: ", "no table");
    refused(TOP SOURCE "  exclude: [\"\"]\n" NULL_SINK, "shop.yaml:7: source.exclude: ", "empty");
    refused(TOP SOURCE KAFKA "    registry: registry:8081\n",
            "shop.yaml:11: sinks[0].registry: ", "https://");
    refused(TOP SOURCE KAFKA "    format: json\n    topic: \"a.{tabel}\"\n",
            "shop.yaml:12: sinks[0].topic: ", "{table}");
    refused(TOP SOURCE KAFKA "    format: json\n    topic: \"a}b\"\n",
            "shop.yaml:12: sinks[0].topic: ", "{table}");
    refused(TOP SOURCE KAFKA "    format: json\n    key: {orders: id}\n",
            "shop.yaml:12: sinks[0].key: ", "schema.table");
    refused(TOP SOURCE KAFKA "    registry: http://r\n    registry_user: me\n",
            "shop.yaml:12: sinks[0].registry_user: ", "registry_password_file");
}

static void
stdout_can_not_do_everything(void **state)
{
    (void)state;
    refused(TOP SOURCE "sinks:\n - {name: a, type: stdout, format: avro, registry: \"http://r\"}\n",
            "shop.yaml:8: sinks[0].format: ", "json only");
    refused(TOP SOURCE "sinks:\n - {name: a, type: stdout, transaction: whole}\n",
            "shop.yaml:8: sinks[0].transaction: ", "split");
}

static void
more_than_eight_sinks_are_refused(void **state)
{
    char text[2000] = TOP SOURCE "sinks:\n";
    (void)state;
    for (int i = 0; i < 9; i++) {
        char line[64];
        snprintf(line, sizeof(line), " - {name: s%d, type: null}\n", i);
        strcat(text, line);
    }
    refused(text, "shop.yaml:16: sinks: ", "more than 8");
}

static void
yaml_that_plays_tricks_is_refused(void **state)
{
    (void)state;
    refused("pipeline: &a shop\n", "shop.yaml:1: ", "anchors");
    refused("pipeline: shop\nstate_dir: *a\n", "shop.yaml:2: ", "aliases");
    refused("pipeline: !!binary c2hvcA==\n", "shop.yaml:1: ", "tags");
    refused("pipeline: shop\npipeline: other\n", "shop.yaml:2: pipeline: ", "twice");
    refused("? [a, b]\n: c\n", "shop.yaml:1: ", "must be a word");
    refused("pipeline: shop\n---\npipeline: other\n", "shop.yaml:2: ", "second document");
    refused("", "shop.yaml:1: ", "empty");
    refused("# nothing\n", "shop.yaml:1: ", "empty");
    refused("- a\n", "shop.yaml:1: ", "map");
    refused("just a text\n", "shop.yaml:1: ", "map");
    refused("pipeline: [a\n", "shop.yaml:2: ", "not YAML");
    refused("\tpipeline: shop\n", "shop.yaml:1: ", "not YAML");
    refused("pipeline: \"a\\0b\"\n", "shop.yaml:1: ", "NUL");
    refused("pipeline: \"a\\e[31m\"\n" SOURCE NULL_SINK, "shop.yaml:1: pipeline: ", "control");
    refused("\"a\\e[31m\": b\n", "shop.yaml:1: ", "control");
}

static void
nesting_has_an_end(void **state)
{
    char text[600] = "pipeline: ";
    (void)state;
    for (int i = 0; i < 200; i++)
        strcat(text, "[");
    for (int i = 0; i < 200; i++)
        strcat(text, "]");
    refused(text, "shop.yaml:1: ", "32");
}

static void
bytes_that_are_no_text_are_refused(void **state)
{
    struct config *config = NULL;
    static const char nul[] = "pipeline: a\0b\n";
    static const char utf16[] = "\xff\xfep\0i\0";
    char *huge = malloc((1 << 20) + 1);
    (void)state;
    assert_int_equal(config_parse(&config, "f", bytes_of(nul, sizeof(nul) - 1), &err), -1);
    assert_non_null(strstr(err.text, "NUL"));
    assert_int_equal(config_parse(&config, "f", bytes_of(utf16, sizeof(utf16) - 1), &err), -1);
    refused("pipeline: \xff\xff\n", "shop.yaml:", "not YAML");
    assert_non_null(huge);
    memset(huge, '#', (1 << 20) + 1);
    assert_int_equal(config_parse(&config, "f", bytes_of(huge, (1 << 20) + 1), &err), -1);
    assert_non_null(strstr(err.text, "1 MiB"));
    free(huge);
    assert_null(config);
}

static void
a_byte_order_mark_and_crlf_pass(void **state)
{
    struct config *c =
        must_parse("\xef\xbb\xbfpipeline: shop\r\nstate_dir: /tmp\r\n" SOURCE NULL_SINK);
    (void)state;
    assert_string_equal(c->pipeline, "shop");
    assert_string_equal(c->state_dir, "/tmp");
    config_free(c);
}

static void
a_map_with_too_many_keys_is_refused(void **state)
{
    size_t room = 40000, used = 0;
    char *text = malloc(room);
    (void)state;
    assert_non_null(text);
    for (int i = 0; i < 1100; i++)
        used += (size_t)snprintf(text + used, room - used, "k%d: 1\n", i);
    refused(text, "shop.yaml:1001: ", "1000");
    free(text);
}

static void
a_file_that_is_not_there_is_named(void **state)
{
    struct config *config = NULL;
    (void)state;
    assert_int_equal(config_load(&config, "/does/not/exist.yaml", &err), -1);
    assert_int_equal(err.kind, ERROR_CONFIG);
    assert_non_null(strstr(err.text, "/does/not/exist.yaml"));
    assert_int_equal(config_load(&config, "/tmp", &err), -1);
    assert_null(config);
    config_free(NULL);
}

static void
a_file_is_loaded_like_a_text(void **state)
{
    char path[] = "/tmp/test_config_XXXXXX";
    struct config *config = NULL;
    int fd = mkstemp(path);
    (void)state;
    assert_int_not_equal(fd, -1);
    assert_int_equal(write(fd, TOP SOURCE NULL_SINK, strlen(TOP SOURCE NULL_SINK)),
                     (ssize_t)strlen(TOP SOURCE NULL_SINK));
    close(fd);
    assert_int_equal(config_load(&config, path, &err), 0);
    assert_string_equal(config->file, path);
    config_free(config);
    unlink(path);
}

static void
globs_choose_tables_and_stars_stay_in_their_part(void **state)
{
    struct config *c =
        must_parse(TOP "source: {type: postgresql, url: \"postgresql://h/d\", tables: "
                       "[public.orders, \"inv*.*\", \"a.b.c\"], "
                       "exclude: [\"*.tmp_*\"]}\n" NULL_SINK);
    (void)state;
    assert_true(config_wants(&c->source, "public", "orders"));
    assert_false(config_wants(&c->source, "public", "orders2"));
    assert_true(config_wants(&c->source, "inventory", "stock"));
    assert_false(config_wants(&c->source, "inventory", "tmp_stock"));
    assert_true(config_wants(&c->source, "a", "b.c"));
    assert_false(config_wants(&c->source, "a.b", "c"));
    config_free(c);
}

/* ---- kinds of source ---- */

static void
a_binlog_source_has_its_defaults(void **state)
{
    struct config *c = must_parse(TOP BINLOG("mysql") NULL_SINK);
    (void)state;
    assert_int_equal(c->source.type, CONNECTOR_MYSQL);
    assert_int_equal(c->source.server_id, 0);
    assert_int_equal(c->source.statements, STATEMENT_STOP);
    assert_int_equal(c->source.nontransactional, NONTRANSACTIONAL_STOP);
    assert_false(c->source.rows_query);
    assert_string_equal(c->source.schema_changes, "");
    assert_int_equal(c->source.event_size, 1 << 30);
    assert_int_equal(c->source.heartbeat_ms, 10000);
    assert_true(config_wants(&c->source, "shop", "orders"));
    config_free(c);
}

static void
a_binlog_source_takes_its_keys(void **state)
{
    struct config *c = must_parse(
        TOP BINLOG("mariadb") "  server_id: 4294967295\n  statements: warn\n  nontransactional: accept\n"
                              "  rows_query: true\n  schema_changes: shop.ddl\n  event_size: 64MiB\n"
                              "  heartbeat_interval: 1s\n" NULL_SINK);
    (void)state;
    assert_int_equal(c->source.type, CONNECTOR_MARIADB);
    assert_int_equal(c->source.server_id, UINT32_MAX);
    assert_int_equal(c->source.statements, STATEMENT_WARN);
    assert_int_equal(c->source.nontransactional, NONTRANSACTIONAL_ACCEPT);
    assert_true(c->source.rows_query);
    assert_string_equal(c->source.schema_changes, "shop.ddl");
    assert_int_equal(c->source.event_size, 64 << 20);
    config_free(c);
    refused(TOP BINLOG("mysql") "  server_id: 4294967296\n" NULL_SINK,
            "shop.yaml:7: source.server_id: ", "at most 4294967295");
    refused(TOP BINLOG("mysql") "  server_id: -1\n" NULL_SINK,
            "shop.yaml:7: source.server_id: ", "at least 0");
    refused(TOP BINLOG("mysql") "  statements: skip\n" NULL_SINK,
            "shop.yaml:7: source.statements: ", "stop, warn");
    refused(TOP BINLOG("mysql") "  nontransactional: warn\n" NULL_SINK,
            "shop.yaml:7: source.nontransactional: ", "stop, accept");
    refused(TOP BINLOG("mysql") "  rows_query: on\n" NULL_SINK,
            "shop.yaml:7: source.rows_query: ", "true or false");
    refused(TOP BINLOG("mysql") "  event_size: 2GiB\n" NULL_SINK,
            "shop.yaml:7: source.event_size: ", "at most");
    refused(TOP BINLOG("mysql") "  schema_changes: \"{pipeline}.ddl\"\n" NULL_SINK,
            "shop.yaml:7: source.schema_changes: ", "braces");
}

static void
keys_of_the_other_family_are_refused(void **state)
{
    static const char *const postgres[] = {"slot: s", "publication: p", "keyless: refuse",
                                           "status_interval: 1s"};
    static const char *const binlog[] = {"server_id: 7", "statements: stop", "nontransactional: stop",
                                         "rows_query: false", "schema_changes: ddl", "event_size: 1MiB"};
    static const char *const types[] = {"mysql", "mariadb"};
    char text[600], place[100];
    (void)state;
    for (size_t i = 0; i < sizeof(postgres) / sizeof(postgres[0]); i++) {
        snprintf(place, sizeof(place), "shop.yaml:7: source.%.*s: ", (int)strcspn(postgres[i], ":"), postgres[i]);
        for (size_t k = 0; k < 2; k++) {
            snprintf(text, sizeof(text), TOP BINLOG("%s") "  %s\n" NULL_SINK, types[k], postgres[i]);
            refused(text, place, "goes with type postgresql only");
        }
    }
    for (size_t i = 0; i < sizeof(binlog) / sizeof(binlog[0]); i++) {
        snprintf(place, sizeof(place), "shop.yaml:7: source.%.*s: ", (int)strcspn(binlog[i], ":"), binlog[i]);
        snprintf(text, sizeof(text), TOP SOURCE "  %s\n" NULL_SINK, binlog[i]);
        refused(text, place, "goes with type mysql or mariadb only");
    }
}

static void
a_binlog_source_has_other_words(void **state)
{
    (void)state;
    refused(TOP "source: {type: mysql, url: \"postgresql://h/d\", tables: a.b}\n" NULL_SINK,
            "shop.yaml:3: source.url: ", "must begin with mysql:// or mariadb://");
    refused(TOP "source: {type: postgresql, url: \"mysql://h/d\", tables: a.b}\n" NULL_SINK,
            "shop.yaml:3: source.url: ", "must begin with postgresql://");
    refused(TOP "source: {type: mariadb, url: \"mariadb://h\", tables: orders}\n" NULL_SINK,
            "shop.yaml:3: source.tables: ", "database.table");
    refused(TOP BINLOG("mysql") "sinks:\n - {name: a, type: null, key: {orders: id}}\n",
            "shop.yaml:8: sinks[0].key: ", "database.table");
    refused(TOP "source: {type: oracle, url: \"mysql://h\", tables: a.b}\n" NULL_SINK,
            "shop.yaml:3: source.type: ", "postgresql, mysql, mariadb");
}

/* The configuration has the prefixes of URLs once more, because it lies below the sources. */
static void
a_file_leads_to_its_kind_of_source(void **state)
{
    static const struct source_kind *const kinds[] = {&source_postgresql, &source_mysql, &source_mariadb};
    char text[600];
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const char *const *prefix = kinds[i]->url_prefixes;
        assert_non_null(*prefix);
        for (; *prefix != NULL; prefix++) {
            struct encoder_settings settings;
            struct config *c;
            snprintf(text, sizeof(text), TOP "source: {type: %s, url: \"%scdc@db/\", tables: a.b}\n" NULL_SINK,
                     kinds[i]->type, *prefix);
            c = must_parse(text);
            assert_ptr_equal(source_kind_of(c), kinds[i]);
            assert_int_equal(config_encoder(c, 0, "", NULL, &settings), 0);
            assert_int_equal(settings.connector, kinds[i]->connector);
            config_free(c);
        }
    }
}

/* ---- secrets ---- */

static char secret_path[] = "/tmp/test_secret_XXXXXX";

static void
put_secret(const void *text, size_t len, mode_t mode)
{
    unlink(secret_path); /* a file of mode 0400 opens for writing for root only */
    int fd = open(secret_path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_int_not_equal(fd, -1);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void
a_secret_is_the_first_line(void **state)
{
    char *secret;
    (void)state;
    put_secret("pass word\r\nsecond\n", 18, 0600);
    secret = config_secret(secret_path, &err);
    assert_non_null(secret);
    assert_string_equal(secret, "pass word");
    config_secret_free(secret);
    put_secret("x", 1, 0400);
    secret = config_secret(secret_path, &err);
    assert_string_equal(secret, "x");
    config_secret_free(secret);
    config_secret_free(NULL);
}

static void
a_secret_that_others_may_read_is_refused(void **state)
{
    (void)state;
    put_secret("x\n", 2, 0640);
    assert_null(config_secret(secret_path, &err));
    assert_non_null(strstr(err.text, "chmod 600"));
    put_secret("x\n", 2, 0604);
    assert_null(config_secret(secret_path, &err));
}

static void
a_secret_that_is_none_is_refused(void **state)
{
    (void)state;
    put_secret("", 0, 0600);
    assert_null(config_secret(secret_path, &err));
    put_secret("\nx\n", 3, 0600);
    assert_null(config_secret(secret_path, &err));
    put_secret("a\0b\n", 4, 0600);
    assert_null(config_secret(secret_path, &err));
    assert_non_null(strstr(err.text, "NUL"));
    assert_null(config_secret("/tmp", &err));
    assert_null(config_secret("/dev/zero", &err));
    assert_null(config_secret("/does/not/exist", &err));
}

static void
the_reference_has_every_section(void **state)
{
    struct buffer out = {0};
    static const char *const wanted[] = {"`pipeline`",        "`source`", "`sinks`, type kafka",
                                         "`commit_interval`", "`batch`",  "`log`",
                                         "Guarantee",         "`server_id`"};
    (void)state;
    config_document(true, &out);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        assert_non_null(strstr(buffer_cstr(&out), wanted[i]));
    assert_null(strstr(buffer_cstr(&out), "type memory"));
    buffer_reset(&out);
    config_document(false, &out);
    assert_non_null(strstr(buffer_cstr(&out), "commit_interval"));
    buffer_free(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_said_has_its_default),
        cmocka_unit_test(defaults_depend_on_the_type_and_the_envelope),
        cmocka_unit_test(json_is_yaml),
        cmocka_unit_test(key_columns_may_be_a_list),
        cmocka_unit_test(stdout_wants_lines),
        cmocka_unit_test(one_text_is_a_list_of_one),
        cmocka_unit_test(an_unknown_key_names_the_nearest),
        cmocka_unit_test(what_is_required_is_asked_for),
        cmocka_unit_test(names_are_plain),
        cmocka_unit_test(values_are_checked_where_they_stand),
        cmocka_unit_test(urls_tables_and_topics_have_a_form),
        cmocka_unit_test(stdout_can_not_do_everything),
        cmocka_unit_test(more_than_eight_sinks_are_refused),
        cmocka_unit_test(yaml_that_plays_tricks_is_refused),
        cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(a_byte_order_mark_and_crlf_pass),
        cmocka_unit_test(a_map_with_too_many_keys_is_refused),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
        cmocka_unit_test(a_file_is_loaded_like_a_text),
        cmocka_unit_test(globs_choose_tables_and_stars_stay_in_their_part),
        cmocka_unit_test(a_binlog_source_has_its_defaults),
        cmocka_unit_test(a_binlog_source_takes_its_keys),
        cmocka_unit_test(keys_of_the_other_family_are_refused),
        cmocka_unit_test(a_binlog_source_has_other_words),
        cmocka_unit_test(a_file_leads_to_its_kind_of_source),
        cmocka_unit_test(a_secret_is_the_first_line),
        cmocka_unit_test(a_secret_that_others_may_read_is_refused),
        cmocka_unit_test(a_secret_that_is_none_is_refused),
        cmocka_unit_test(the_reference_has_every_section),
    };
    int fd = mkstemp(secret_path), failed;
    if (fd == -1)
        return 1;
    close(fd);
    log_setup(LOG_ERROR, false);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(secret_path);
    return failed;
}
