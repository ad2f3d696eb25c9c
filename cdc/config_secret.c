/*
 * config_secret.c -- passwords and tokens from files of their own.
 *
 * The file is opened first and judged by its descriptor, so that nobody can swap it in
 * between. A file that group or others may read is refused; service managers hand out
 * credentials in folders of their own (systemd 0400 or an ACL that shows as 0440, containers
 * 0444), which count as private when root made the file there.
 */
#include "cdc/config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_BYTES_MAX = 64 * 1024 };

static bool
in_folder(const char *path, const char *folder)
{
    size_t len = folder != NULL ? strlen(folder) : 0;
    while (len > 1 && folder[len - 1] == '/')
        len--;
    return len > 1 && strncmp(path, folder, len) == 0 && path[len] == '/';
}

/* The real path counts: "/run/secrets/../../home/x" is in no folder of root's. */
static bool
is_credential(const char *path, const struct stat *info)
{
    char real[PATH_MAX];
    if (info->st_uid != 0 || (info->st_mode & 022) != 0 || realpath(path, real) == NULL)
        return false;
    return in_folder(real, getenv("CREDENTIALS_DIRECTORY")) ||
           in_folder(real, "/run/credentials") || in_folder(real, "/run/secrets");
}

static int
check_private(const char *path, int fd, struct error *err)
{
    struct stat info;
    if (fstat(fd, &info) == -1)
        return error_set(err, ERROR_CONFIG, "", "%.200s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return error_set(err, ERROR_CONFIG, "", "%.200s: is not a file", path);
    if ((info.st_mode & 077) != 0 && !is_credential(path, &info))
        return error_set(err, ERROR_CONFIG, "E_SECRET_MODE",
                         "%.200s: others may read this secret (mode %04o); mend it with: "
                         "chmod 600 %.200s",
                         path, (unsigned)info.st_mode & 07777, path);
    return 0;
}

static ssize_t
read_all(int fd, char *out, size_t room)
{
    size_t len = 0;
    while (len < room) {
        ssize_t n = read(fd, out + len, room - len);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

/* Cut at the first line end. What follows is wiped: it is not used and must not stay. */
static int
first_line(const char *path, char *text, size_t len, struct error *err)
{
    size_t line = 0;
    while (line < len && text[line] != '\n')
        line++;
    size_t keep = line > 0 && text[line - 1] == '\r' ? line - 1 : line;
    explicit_bzero(text + keep, len - keep);
    if (keep == 0)
        return error_set(err, ERROR_CONFIG, "", "%.200s: the first line is empty", path);
    if (memchr(text, '\0', keep) != NULL)
        return error_set(err, ERROR_CONFIG, "", "%.200s: there is a NUL byte in it", path);
    return 0;
}

char *
config_secret(const char *path, struct error *err)
{
    char *text = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t len;
    if (fd == -1) {
        error_set(err, ERROR_CONFIG, "", "%.200s: %s", path, strerror(errno));
        return NULL;
    }
    if (check_private(path, fd, err) == -1)
        goto failed;
    text = calloc(1, SECRET_BYTES_MAX + 1);
    if (text == NULL) {
        error_set(err, ERROR_FATAL, "", "out of memory");
        goto failed;
    }
    len = read_all(fd, text, SECRET_BYTES_MAX);
    if (len == -1) {
        error_set(err, ERROR_CONFIG, "", "%.200s: %s", path, strerror(errno));
        goto failed;
    }
    if (len == SECRET_BYTES_MAX) {
        error_set(err, ERROR_CONFIG, "", "%.200s: is larger than 64 KiB", path);
        goto failed;
    }
    if (first_line(path, text, (size_t)len, err) == -1)
        goto failed;
    close(fd);
    return text;

failed:
    close(fd);
    if (text != NULL)
        explicit_bzero(text, SECRET_BYTES_MAX);
    free(text);
    return NULL;
}

void
config_secret_free(char *secret)
{
    if (secret == NULL)
        return;
    explicit_bzero(secret, strlen(secret));
    free(secret);
}
