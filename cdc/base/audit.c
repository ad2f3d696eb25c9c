/*
 * audit.c -- who moved what: JSON lines that hold on to each other.
 *
 *     {"previous":"<64 hex digits>","time":"2026-11-22T13:32:00Z","actor":"root@db1","pid":812,
 *      "pipeline":"shop","sink":"events","act":"offsets set","before":"lsn:0/1","after":"lsn:0/2",
 *      "reason":"..."}
 *
 * `previous` is the SHA-256 of the line before, without its line end; 64 zeros in the first.
 * So a line that was changed, left out or put in between is found by its successor. The last
 * line has none: lines cut from the end are not found here, which is why the file belongs on a
 * disk that is copied away.
 *
 * Reading the last line and appending happen under flock, so two commands at once make a
 * chain and not a fork. A line that a crash cut short is not repaired here: until somebody has
 * looked at it nothing is appended, and so nothing is moved.
 */
#include "cdc/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "cdc/bytes.h"
#include "cdc/json.h"

enum {
    HASH_HEX = 64,
    LINE_MAX_BYTES = 64 * 1024,
};

static int
fail(const char *path, const char *what, struct error *err)
{
    return error_set(err, ERROR_CONFIG, "E_AUDIT", "audit file %.200s: %s", path, what);
}

static int
broken(const char *path, long line, const char *what, struct error *err)
{
    return error_set(err, ERROR_REFUSED, "E_AUDIT_CHAIN", "audit file %.200s, line %ld: %s", path,
                     line, what);
}

/* SHA-256 as hex digits and a NUL. */
static int
hash_line(struct bytes line, char *hex)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    if (EVP_Digest(line.at, line.len, digest, &len, EVP_sha256(), NULL) != 1 || len * 2 != HASH_HEX)
        return -1;
    for (unsigned int i = 0; i < len; i++)
        snprintf(hex + 2 * (size_t)i, 3, "%02x", digest[i]);
    return 0;
}

/* ---- append ------------------------------------------------------------------------------ */

/* The hash of the last line, or zeros for an empty file. */
static int
hash_last(int fd, off_t size, const char *path, char *hex, struct error *err)
{
    char tail[LINE_MAX_BYTES];
    size_t want = size < LINE_MAX_BYTES ? (size_t)size : LINE_MAX_BYTES;
    memset(hex, '0', HASH_HEX);
    hex[HASH_HEX] = '\0';
    if (size == 0)
        return 0;
    if (pread(fd, tail, want, size - (off_t)want) != (ssize_t)want)
        return fail(path, "can't be read", err);
    if (tail[want - 1] != '\n')
        return error_set(err, ERROR_REFUSED, "E_AUDIT_CHAIN",
                         "audit file %.200s: its last line is cut short; move the file away (and "
                         "keep it), then try again",
                         path);
    size_t start = want - 1;
    while (start > 0 && tail[start - 1] != '\n')
        start--;
    if (start == 0 && (off_t)want < size)
        return fail(path, "its last line is too long", err);
    if (hash_line(bytes_of(tail + start, want - 1 - start), hex) == -1)
        return error_set(err, ERROR_FATAL, "", "SHA-256 failed");
    return 0;
}

static void
put_actor(struct buffer *out)
{
    char host[HOST_NAME_MAX + 1] = "", room[4096], text[512];
    struct passwd entry, *found = NULL;
    gethostname(host, sizeof(host) - 1);
    if (getpwuid_r(getuid(), &entry, room, sizeof(room), &found) == 0 && found != NULL)
        snprintf(text, sizeof(text), "%s@%s", found->pw_name, host);
    else
        snprintf(text, sizeof(text), "uid %u@%s", (unsigned)getuid(), host);
    json_cstring(out, text);
}

static void
put_member(struct buffer *out, const char *name, const char *value)
{
    buffer_printf(out, ",\"%s\":", name);
    json_cstring(out, value != NULL ? value : "");
}

static void
put_line(struct buffer *out, const char *previous, const struct audit_entry *entry)
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &parts);
    buffer_printf(out, "{\"previous\":\"%s\",\"time\":\"%s\",\"actor\":", previous, stamp);
    put_actor(out);
    buffer_printf(out, ",\"pid\":%ld", (long)getpid());
    put_member(out, "pipeline", entry->pipeline);
    put_member(out, "sink", entry->sink);
    put_member(out, "act", entry->act);
    put_member(out, "before", entry->before);
    put_member(out, "after", entry->after);
    put_member(out, "reason", entry->reason);
    buffer_put_string(out, "}\n");
}

/* One write, made durable; what was written only in part is cut off again. */
static int
write_line(int fd, off_t size, const char *path, const struct buffer *line, struct error *err)
{
    ssize_t n;
    do
        n = write(fd, line->at, line->len);
    while (n == -1 && errno == EINTR);
    if (n == (ssize_t)line->len && fsync(fd) == 0)
        return 0;
    const char *why = n >= 0 && n < (ssize_t)line->len ? "no room" : strerror(errno);
    fail(path, why, err);
    if (ftruncate(fd, size) == -1)
        error_prefix(err, "a line is left cut short: ");
    return -1;
}

/* The file's name must be as durable as its lines. */
static int
sync_folder(const char *path, struct error *err)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    int fd, rc;
    if (len >= sizeof(folder))
        return fail(path, "the path is too long", err);
    memcpy(folder, len > 0 ? path : ".", len > 0 ? len : 1);
    folder[len > 0 ? len : 1] = '\0';
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        return fail(path, strerror(errno), err);
    rc = fsync(fd) == 0 ? 0 : fail(path, strerror(errno), err);
    close(fd);
    return rc;
}

static int
open_file(const char *path)
{
    int flags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int fd = open(path, flags, 0600);
    if (fd != -1 || errno != ENOENT || slash == NULL || slash == path)
        return fd;
    /* state_dir is made by the first sink that needs it, and Kafka alone never does. */
    snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
    if (mkdir(folder, 0700) == -1)
        return -1;
    return open(path, flags, 0600);
}

int
audit_append(const char *path, const struct audit_entry *entry, struct error *err)
{
    char previous[HASH_HEX + 1];
    struct buffer line = {.max = LINE_MAX_BYTES - 1};
    struct stat info;
    int rc = -1;
    int fd = open_file(path);
    if (fd == -1)
        return fail(path, strerror(errno), err);
    if (flock(fd, LOCK_EX) == -1 || fstat(fd, &info) == -1) {
        fail(path, strerror(errno), err);
        goto done;
    }
    if (!S_ISREG(info.st_mode)) {
        fail(path, "is not a file", err);
        goto done;
    }
    if (hash_last(fd, info.st_size, path, previous, err) == -1)
        goto done;
    put_line(&line, previous, entry);
    if (buffer_failed(&line)) {
        fail(path, "the entry is too long", err);
        goto done;
    }
    rc = write_line(fd, info.st_size, path, &line, err);
    if (rc == 0 && info.st_size == 0)
        rc = sync_folder(path, err);

done:
    buffer_free(&line);
    close(fd); /* and with it the lock */
    return rc;
}

/* ---- verify ------------------------------------------------------------------------------ */

static int
verify_line(const char *path, long number, struct bytes line, char *previous, struct error *err)
{
    json_t *root = json_loadb((const char *)line.at, line.len, JSON_REJECT_DUPLICATES, NULL);
    const char *said = json_string_value(json_object_get(root, "previous"));
    int rc = 0;
    if (said == NULL)
        rc = broken(path, number, "is not an audit line", err);
    else if (strcmp(said, previous) != 0)
        rc = broken(path, number,
                    "does not follow from the line before: one of the two was "
                    "changed, or lines were taken out or put in",
                    err);
    else if (hash_line(line, previous) == -1)
        rc = error_set(err, ERROR_FATAL, "", "SHA-256 failed");
    json_decref(root);
    return rc;
}

int
audit_verify(const char *path, long *lines, struct error *err)
{
    char previous[HASH_HEX + 1];
    char *text = NULL;
    size_t room = 0;
    ssize_t len;
    int rc = 0;
    FILE *file = fopen(path, "re");
    *lines = 0;
    if (file == NULL)
        return fail(path, strerror(errno), err);
    memset(previous, '0', HASH_HEX);
    previous[HASH_HEX] = '\0';
    while (rc == 0 && (len = getline(&text, &room, file)) > 0) {
        ++*lines;
        if (text[len - 1] != '\n')
            rc = broken(path, *lines, "is cut short", err);
        else
            rc = verify_line(path, *lines, bytes_of(text, (size_t)len - 1), previous, err);
    }
    if (rc == 0 && ferror(file))
        rc = fail(path, strerror(errno), err);
    free(text);
    fclose(file);
    return rc;
}
