/*
 * registry.c -- the registry client, on libcurl.
 *
 * One question: the id of (subject, schema text). Registering is idempotent, so every failure
 * that may pass is simply asked again, with full jitter between, until the deadline; then the
 * caller hears ERROR_RETRY and decides. What can't pass (401, 409, 422 ...) is told at once
 * with the registry's own words.
 *
 * What comes back is bounded: 1 MiB, no redirects, http and https only, a time limit for each
 * request. Answers are kept in a small cache: ids never change, and after a reconnect every
 * table asks again.
 *
 * Threads: one call at a time; the calling thread may change.
 */
#include "registry.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cdc/clock.h"
#include "cdc/config.h"
#include "cdc/json.h"
#include "cdc/log.h"

enum {
    ANSWER_MAX = 1 << 20,
    DEADLINE_MS = 8000, /* short enough to look at a stop flag between calls */
    CONNECT_MS = 5000,
    REQUEST_MS = 8000,
    PAUSE_FIRST_MS = 100,
    PAUSE_MAX_MS = 4000,
    CACHE_MAX = 512,
    CACHE_BYTES_MAX = 4 << 20,
};

struct cached {
    uint64_t hash;
    uint64_t used; /* the registry's clock: the least is the oldest */
    char *subject;
    char *schema;
    size_t bytes;
    int32_t id;
};

struct registry {
    struct schemas base;
    CURL *curl;
    struct curl_slist *headers;
    char *url; /* no user, no slash at its end: it is printed */
    char *user, *password, *token, *token_file, *ca_file;
    bool auto_register;
    int64_t deadline_ms;
    struct buffer request, answer, path;
    struct cached cache[CACHE_MAX];
    size_t ncached, cached_bytes;
    uint64_t clock;
    unsigned int seed;
};

/* ---- the cache ---- */

static uint64_t
cache_hash(const char *subject, const char *schema)
{
    uint64_t hash = bytes_hash(BYTES_HASH_SEED, subject, strlen(subject) + 1);

    return bytes_hash(hash, schema, strlen(schema));
}

static bool
cache_find(struct registry *r, const char *subject, const char *schema, int32_t *id)
{
    uint64_t hash = cache_hash(subject, schema);

    for (size_t i = 0; i < r->ncached; i++) {
        struct cached *row = &r->cache[i];

        if (row->hash == hash && strcmp(row->subject, subject) == 0 &&
            strcmp(row->schema, schema) == 0) {
            row->used = ++r->clock;
            *id = row->id;
            return true;
        }
    }
    return false;
}

static void
cache_drop_oldest(struct registry *r)
{
    size_t oldest = 0;

    for (size_t i = 1; i < r->ncached; i++) {
        if (r->cache[i].used < r->cache[oldest].used)
            oldest = i;
    }
    r->cached_bytes -= r->cache[oldest].bytes;
    free(r->cache[oldest].subject);
    free(r->cache[oldest].schema);
    r->cache[oldest] = r->cache[--r->ncached];
}

/* Best effort: what is not kept is asked again. */
static void
cache_keep(struct registry *r, const char *subject, const char *schema, int32_t id)
{
    struct cached row = {.hash = cache_hash(subject, schema), .id = id, .used = ++r->clock};

    row.bytes = strlen(subject) + strlen(schema) + 2;
    if (row.bytes > CACHE_BYTES_MAX)
        return;
    while (r->ncached == CACHE_MAX ||
           (r->ncached > 0 && r->cached_bytes + row.bytes > CACHE_BYTES_MAX))
        cache_drop_oldest(r);
    row.subject = strdup(subject);
    row.schema = strdup(schema);
    if (row.subject == NULL || row.schema == NULL) {
        free(row.subject);
        free(row.schema);
        return;
    }
    r->cached_bytes += row.bytes;
    r->cache[r->ncached++] = row;
}

/* ---- one request ---- */

static size_t
on_body(char *at, size_t size, size_t count, void *opaque)
{
    struct buffer *answer = opaque;

    buffer_put(answer, at, size * count);
    return buffer_failed(answer) ? 0 : size * count;
}

/* Subjects hold what table names hold: everything but letters, digits and "-._~" is escaped. */
static void
put_escaped(struct buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            strchr("-._~", c) != NULL)
            buffer_put_u8(out, c);
        else
            buffer_printf(out, "%%%02X", c);
    }
}

static int
make_request(struct registry *r, const char *subject, const char *schema, struct error *err)
{
    buffer_reset(&r->path);
    buffer_put_string(&r->path, r->url);
    buffer_put_string(&r->path, "/subjects/");
    put_escaped(&r->path, subject);
    if (r->auto_register)
        buffer_put_string(&r->path, "/versions");
    buffer_reset(&r->request);
    buffer_put_string(&r->request, "{\"schema\":");
    json_cstring(&r->request, schema);
    buffer_put_string(&r->request, "}");
    buffer_cstr(&r->path);
    if (buffer_failed(&r->path) || buffer_failed(&r->request))
        return error_set(err, ERROR_FATAL, "", "registry: out of memory");
    return 0;
}

/* Options that stay for every request. */
static bool
set_lasting(struct registry *r)
{
    CURL *c = r->curl;
    bool ok = true;

    ok &= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
#if LIBCURL_VERSION_NUM >= 0x075500
    ok &= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
#else
    ok &= curl_easy_setopt(c, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS)) ==
          CURLE_OK;
#endif
    ok &= curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_WRITEDATA, &r->answer) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_USERAGENT, "rowferry") == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_HTTPHEADER, r->headers) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK;
    if (r->ca_file != NULL)
        ok &= curl_easy_setopt(c, CURLOPT_CAINFO, r->ca_file) == CURLE_OK;
    return ok;
}

static bool
set_credentials(struct registry *r)
{
    CURL *c = r->curl;

    if (r->token != NULL)
        return curl_easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BEARER) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_XOAUTH2_BEARER, r->token) == CURLE_OK;
    if (r->user != NULL)
        return curl_easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_USERNAME, r->user) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_PASSWORD, r->password) == CURLE_OK;
    return true;
}

static int
transport_error(struct registry *r, CURLcode code, const char *detail, struct error *err)
{
    const char *text = detail[0] != '\0' ? detail : curl_easy_strerror(code);

    switch (code) {
    case CURLE_OUT_OF_MEMORY:
        return error_set(err, ERROR_FATAL, "", "registry: out of memory");
    case CURLE_WRITE_ERROR:
        return error_set(err, ERROR_CONFIG, "E_REGISTRY_ANSWER",
                         "registry %s: its answer is longer than %d bytes", r->url, ANSWER_MAX);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CERTPROBLEM:
        return error_set(err, ERROR_CONFIG, "E_REGISTRY_TLS", "registry %s: %s", r->url, text);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return error_set(err, ERROR_CONFIG, "E_REGISTRY_URL", "registry %s: %s", r->url, text);
    default:
        return error_set(err, ERROR_RETRY, "E_REGISTRY_AWAY", "registry %s: %s", r->url, text);
    }
}

static int
status_error(struct registry *r, long status, const char *subject, struct error *err)
{
    char text[300];
    int code = registry_parse_complaint(bytes_of(r->answer.at, r->answer.len), text, sizeof(text));
    enum error_kind kind = ERROR_CONFIG;
    const char *name = "E_REGISTRY_ANSWER";

    if (status == 401 || status == 403)
        name = "E_REGISTRY_AUTH";
    else if (status == 404)
        name = r->auto_register ? "E_REGISTRY_URL" : "E_SCHEMA_UNKNOWN";
    else if (status == 409)
        name = "E_SCHEMA_INCOMPATIBLE";
    else if (status == 422)
        name = "E_SCHEMA_INVALID";
    else if (status == 408 || status == 429 || status >= 500) {
        name = "E_REGISTRY_AWAY";
        kind = ERROR_RETRY;
    }
    if (code != 0 && code != status)
        return error_set(err, kind, name, "registry %s, subject %s: HTTP %ld, %d: %s", r->url,
                         subject, status, code, text);
    return error_set(err, kind, name, "registry %s, subject %s: HTTP %ld: %s", r->url, subject,
                     status, text);
}

/* Ask once. */
static int
ask(struct registry *r, const char *subject, int64_t left_ms, int32_t *id, struct error *err)
{
    char detail[CURL_ERROR_SIZE] = "";
    CURL *c = r->curl;
    long status = 0;
    CURLcode code;

    buffer_reset(&r->answer);
    if (!set_credentials(r) ||
        curl_easy_setopt(c, CURLOPT_URL, (const char *)r->path.at) != CURLE_OK ||
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, (const char *)r->request.at) != CURLE_OK ||
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->request.len) != CURLE_OK ||
        curl_easy_setopt(c, CURLOPT_ERRORBUFFER, detail) != CURLE_OK ||
        curl_easy_setopt(c, CURLOPT_TIMEOUT_MS,
                         (long)(left_ms < REQUEST_MS ? left_ms : REQUEST_MS)) != CURLE_OK)
        return error_set(err, ERROR_FATAL, "", "registry: libcurl refuses an option");
    code = curl_easy_perform(c);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, NULL);
    if (code != CURLE_OK)
        return transport_error(r, code, detail, err);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200 || status > 299)
        return status_error(r, status, subject, err);
    if (registry_parse_answer(bytes_of(r->answer.at, r->answer.len), id, err) == -1)
        return error_prefix(err, "registry %s, subject %s: ", r->url, subject);
    return 0;
}

/* ---- asking until there is an answer ---- */

/* Full jitter: anything up to a limit that doubles; not before the server wants us again. */
static int64_t
pause_before(struct registry *r, int attempt)
{
    int64_t limit = PAUSE_FIRST_MS;
    curl_off_t wanted = 0;

    while (attempt-- > 0 && limit < PAUSE_MAX_MS)
        limit *= 2;
    limit = 1 + (int64_t)rand_r(&r->seed) % limit;
    curl_easy_getinfo(r->curl, CURLINFO_RETRY_AFTER, &wanted);
    return wanted > 0 && wanted * 1000 > limit ? (int64_t)wanted * 1000 : limit;
}

static void
pause_ms(int64_t ms)
{
    struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

/* A token may have been replaced since it was read. True if it is another one now. */
static bool
token_renewed(struct registry *r)
{
    char *token = r->token_file != NULL ? config_secret(r->token_file, NULL) : NULL;

    if (token == NULL || strcmp(token, r->token) == 0) {
        config_secret_free(token);
        return false;
    }
    config_secret_free(r->token);
    r->token = token;
    return true;
}

static int
registry_register(struct schemas *base, const char *subject, const char *schema, int32_t *id,
                  struct error *err)
{
    struct registry *r = (struct registry *)base;
    int64_t deadline = clock_monotonic_ms() + r->deadline_ms;
    struct error failed = ERROR_INIT;

    if (cache_find(r, subject, schema, id))
        return 0;
    if (make_request(r, subject, schema, err) == -1)
        return -1;
    for (int attempt = 0;; attempt++) {
        int64_t left = deadline - clock_monotonic_ms(), pause;

        if (ask(r, subject, left > 1 ? left : 1, id, &failed) == 0)
            break;
        if (strcmp(failed.code, "E_REGISTRY_AUTH") == 0 && token_renewed(r))
            continue;
        pause = pause_before(r, attempt);
        if (failed.kind != ERROR_RETRY || clock_monotonic_ms() + pause >= deadline) {
            if (err != NULL)
                *err = failed;
            return -1;
        }
        log_debug("registry", "subject=%s attempt=%d %s", subject, attempt + 1, failed.text);
        pause_ms(pause);
    }
    cache_keep(r, subject, schema, *id);
    log_debug("registry", "subject=%s id=%" PRId32, subject, *id);
    return 0;
}

/* ---- open and close ---- */

static void
registry_close(struct schemas *base)
{
    struct registry *r = (struct registry *)base;

    if (r == NULL)
        return;
    while (r->ncached > 0)
        cache_drop_oldest(r);
    curl_easy_cleanup(r->curl);
    curl_slist_free_all(r->headers);
    buffer_free(&r->request);
    buffer_free(&r->answer);
    buffer_free(&r->path);
    config_secret_free(r->password);
    config_secret_free(r->token);
    free(r->user);
    free(r->token_file);
    free(r->ca_file);
    free(r->url);
    free(r);
}

static char *
url_part(CURLU *url, CURLUPart part)
{
    char *text = NULL, *copy;

    if (curl_url_get(url, part, &text, CURLU_URLDECODE) != CURLUE_OK)
        return NULL;
    copy = strdup(text);
    curl_free(text);
    return copy;
}

/* The URL is taken apart: user and password out of it, so that it can be printed. */
static int
take_url(struct registry *r, const char *given, struct error *err)
{
    CURLU *url = curl_url();
    char *query = NULL, *whole = NULL;
    int done = -1;

    if (url == NULL)
        return error_set(err, ERROR_FATAL, "", "registry: out of memory");
    if (curl_url_set(url, CURLUPART_URL, given, 0) != CURLUE_OK) {
        error_set(err, ERROR_CONFIG, "E_REGISTRY_URL", "registry: not an URL that can be used");
        goto out;
    }
    curl_url_get(url, CURLUPART_QUERY, &query, 0);
    if (query != NULL) {
        error_set(err, ERROR_CONFIG, "E_REGISTRY_URL", "registry: the URL may not have a query");
        goto out;
    }
    r->user = url_part(url, CURLUPART_USER);
    r->password = url_part(url, CURLUPART_PASSWORD);
    curl_url_set(url, CURLUPART_USER, NULL, 0);
    curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
    curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
    if (curl_url_get(url, CURLUPART_URL, &whole, 0) != CURLUE_OK ||
        (strncmp(whole, "http://", 7) != 0 && strncmp(whole, "https://", 8) != 0)) {
        error_set(err, ERROR_CONFIG, "E_REGISTRY_URL", "registry: the URL must be http or https");
        goto out;
    }
    r->url = strdup(whole);
    for (size_t n = r->url ? strlen(r->url) : 0; n > 0 && r->url[n - 1] == '/'; n--)
        r->url[n - 1] = '\0';
    done = r->url != NULL ? 0 : error_set(err, ERROR_FATAL, "", "registry: out of memory");

out:
    curl_free(query);
    curl_free(whole);
    curl_url_cleanup(url);
    return done;
}

static bool
given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static int
take_secrets(struct registry *r, const struct registry_settings *set, struct error *err)
{
    if (given(set->user)) {
        free(r->user);
        r->user = strdup(set->user);
    }
    if (given(set->password_file)) {
        config_secret_free(r->password);
        r->password = config_secret(set->password_file, err);
        if (r->password == NULL)
            return -1;
    }
    if (given(set->token_file)) {
        r->token_file = strdup(set->token_file);
        r->token = config_secret(set->token_file, err);
        if (r->token == NULL)
            return -1;
    }
    if (r->user != NULL && r->password == NULL)
        r->password = strdup("");
    if (given(set->ca_file))
        r->ca_file = strdup(set->ca_file);
    if ((r->token != NULL || r->user != NULL) && strncmp(r->url, "http://", 7) == 0 &&
        strncmp(r->url, "http://127.0.0.1", 16) != 0 && strncmp(r->url, "http://localhost", 16) != 0)
        log_warn("registry", "url=%s credentials go over the network unencrypted: use https",
                 r->url);
    return 0;
}

static const struct schemas_ops registry_ops = {
    .name = "registry",
    .register_schema = registry_register,
    .close = registry_close,
};

int
registry_open(struct schemas **out, const struct registry_settings *set, struct error *err)
{
    static const char *const headers[] = {
        "Accept: application/vnd.schemaregistry.v1+json, application/vnd.schemaregistry+json; "
        "q=0.9, application/json; q=0.5",
        "Content-Type: application/vnd.schemaregistry.v1+json",
        "Expect:", /* no pause before the body of a large schema */
    };
    struct registry *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return error_set(err, ERROR_FATAL, "", "registry: out of memory");
    r->base.ops = &registry_ops;
    r->auto_register = set->auto_register;
    r->deadline_ms = set->deadline_ms > 0 ? set->deadline_ms : DEADLINE_MS;
    r->answer.max = ANSWER_MAX;
    r->seed = (unsigned int)clock_wall_us();
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
        r->curl = curl_easy_init();
    for (size_t i = 0; r->curl != NULL && i < sizeof(headers) / sizeof(headers[0]); i++) {
        struct curl_slist *longer = curl_slist_append(r->headers, headers[i]);
        if (longer != NULL)
            r->headers = longer;
    }
    if (take_url(r, set->url, err) == -1 || take_secrets(r, set, err) == -1)
        goto fail;
    if (r->curl == NULL || !set_lasting(r)) {
        error_set(err, ERROR_FATAL, "", "registry: libcurl can't be set up");
        goto fail;
    }
    *out = &r->base;
    return 0;

fail:
    registry_close(&r->base);
    return -1;
}
