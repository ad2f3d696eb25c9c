/*
 * test_audit.c -- the audit file: lines that hold on to each other, and what breaks the chain.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include <jansson.h>

#include "cdc/audit.h"

static char folder[] = "/tmp/test_audit_XXXXXX";
static char path[64];
static struct error err;

static int
append(const char *reason)
{
    struct audit_entry entry = {.pipeline = "shop",
                                .sink = "events",
                                .act = "offsets set",
                                .before = "lsn:0/1",
                                .after = "lsn:0/2",
                                .reason = reason};
    err = (struct error)ERROR_INIT;
    return audit_append(path, &entry, &err);
}

static char *
slurp(size_t *len)
{
    static char text[200000];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    *len = fread(text, 1, sizeof(text) - 1, file);
    text[*len] = '\0';
    fclose(file);
    return text;
}

static void
spit(const char *text, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    fclose(file);
}

static int
start_over(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void
lines_are_a_chain_that_verifies(void **state)
{
    long lines = 0;
    size_t len;
    struct stat info;
    (void)state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(append("why not"), 0);
    assert_int_equal(audit_verify(path, &lines, &err), 0);
    assert_int_equal(lines, 5);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    json_t *first = json_loads(strtok(slurp(&len), "\n"), 0, NULL);
    assert_non_null(first);
    assert_string_equal(json_string_value(json_object_get(first, "act")), "offsets set");
    assert_string_equal(json_string_value(json_object_get(first, "reason")), "why not");
    assert_string_equal(json_string_value(json_object_get(first, "before")), "lsn:0/1");
    assert_non_null(strchr(json_string_value(json_object_get(first, "actor")), '@'));
    json_decref(first);
}

static void
a_changed_line_is_found_by_the_next(void **state)
{
    long lines;
    size_t len;
    char *text;
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(append("money"), 0);
    text = slurp(&len);
    *strstr(strchr(text, '\n') + 1, "money") = 'h';
    spit(text, len);
    assert_int_equal(audit_verify(path, &lines, &err), -1);
    assert_int_equal(err.kind, ERROR_REFUSED);
    assert_string_equal(err.code, "E_AUDIT_CHAIN");
    assert_int_equal(lines, 3);
}

static void
a_missing_line_is_found(void **state)
{
    long lines;
    size_t len;
    char *text, *second, *third;
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(append("x"), 0);
    text = slurp(&len);
    second = strchr(text, '\n') + 1;
    third = strchr(second, '\n') + 1;
    memmove(second, third, strlen(third) + 1);
    spit(text, strlen(text));
    assert_int_equal(audit_verify(path, &lines, &err), -1);
    assert_int_equal(lines, 2);
    text = slurp(&len);
    second = strchr(text, '\n') + 1;
    spit(second, strlen(second)); /* the first one is gone too */
    assert_int_equal(audit_verify(path, &lines, &err), -1);
    assert_int_equal(lines, 1);
}

static void
a_line_cut_short_stops_further_lines(void **state)
{
    long lines;
    size_t len;
    char *text;
    (void)state;
    assert_int_equal(append("x"), 0);
    assert_int_equal(append("x"), 0);
    text = slurp(&len);
    spit(text, len - 5);
    assert_int_equal(append("y"), -1);
    assert_int_equal(err.kind, ERROR_REFUSED);
    assert_int_equal(audit_verify(path, &lines, &err), -1);
    assert_int_equal(lines, 2);
}

static void
hostile_reasons_stay_one_line(void **state)
{
    long lines;
    (void)state;
    assert_int_equal(append("a\nb\"}\\ \033[31m \xff\xfe"), 0);
    assert_int_equal(append(""), 0);
    assert_int_equal(audit_verify(path, &lines, &err), 0);
    assert_int_equal(lines, 2);
}

static void
an_entry_that_is_too_long_changes_nothing(void **state)
{
    char *reason = malloc(70000);
    long lines;
    (void)state;
    assert_non_null(reason);
    memset(reason, 'r', 69999);
    reason[69999] = '\0';
    assert_int_equal(append("x"), 0);
    assert_int_equal(append(reason), -1);
    reason[60000] = '\0';
    assert_int_equal(append(reason), 0);
    assert_int_equal(append("after a long one"), 0);
    assert_int_equal(audit_verify(path, &lines, &err), 0);
    assert_int_equal(lines, 3);
    free(reason);
}

static void
a_full_disk_leaves_the_chain_whole(void **state)
{
    long lines;
    struct rlimit limit, old;
    (void)state;
    assert_int_equal(append("x"), 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = 300; /* the second line fits in part only */
    setrlimit(RLIMIT_FSIZE, &limit);
    int rc = append("x");
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(rc, -1);
    assert_int_equal(append("y"), 0);
    assert_int_equal(audit_verify(path, &lines, &err), 0);
    assert_int_equal(lines, 2);
}

static void
two_writers_at_once_make_one_chain(void **state)
{
    long lines;
    (void)state;
    for (int child = 0; child < 4; child++) {
        if (fork() == 0) {
            for (int i = 0; i < 10; i++) {
                if (append("race") == -1)
                    _exit(1);
            }
            _exit(0);
        }
    }
    for (int child = 0; child < 4; child++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(audit_verify(path, &lines, &err), 0);
    assert_int_equal(lines, 40);
}

static void
what_is_not_our_file_is_not_written(void **state)
{
    char link[80];
    (void)state;
    snprintf(link, sizeof(link), "%s/link", folder);
    assert_int_equal(symlink("/etc/hostname", link), 0);
    struct audit_entry entry = {.pipeline = "p", .act = "x"};
    assert_int_equal(audit_append(link, &entry, &err), -1);
    assert_int_equal(audit_append(folder, &entry, &err), -1);
    assert_int_equal(audit_append("/does/not/exist/audit", &entry, &err), -1);
    assert_int_equal(err.kind, ERROR_CONFIG);
    unlink(link);
}

static void
a_file_of_something_else_does_not_verify(void **state)
{
    long lines;
    (void)state;
    spit("hello\n", 6);
    assert_int_equal(audit_verify(path, &lines, &err), -1);
    spit("", 0);
    assert_int_equal(audit_verify(path, &lines, &err), 0);
    assert_int_equal(lines, 0);
    unlink(path);
    assert_int_equal(audit_verify(path, &lines, &err), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(lines_are_a_chain_that_verifies, start_over),
        cmocka_unit_test_setup(a_changed_line_is_found_by_the_next, start_over),
        cmocka_unit_test_setup(a_missing_line_is_found, start_over),
        cmocka_unit_test_setup(a_line_cut_short_stops_further_lines, start_over),
        cmocka_unit_test_setup(hostile_reasons_stay_one_line, start_over),
        cmocka_unit_test_setup(an_entry_that_is_too_long_changes_nothing, start_over),
        cmocka_unit_test_setup(a_full_disk_leaves_the_chain_whole, start_over),
        cmocka_unit_test_setup(two_writers_at_once_make_one_chain, start_over),
        cmocka_unit_test_setup(what_is_not_our_file_is_not_written, start_over),
        cmocka_unit_test_setup(a_file_of_something_else_does_not_verify, start_over),
    };
    int failed;
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof(path), "%s/audit.log", folder);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    rmdir(folder);
    return failed;
}
