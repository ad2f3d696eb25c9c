/*
 * replay.c -- runs a fuzz target over files and folders given, so a corpus is an ordinary test. A path
 * with nothing in it is a failure: a corpus that is not found tests nothing.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static long runs;

static void
run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data;
    long size;

    if (file == NULL)
        return;
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    data = malloc(size > 0 ? (size_t)size : 1);
    if (data != NULL && size >= 0 && fread(data, 1, (size_t)size, file) == (size_t)size) {
        LLVMFuzzerTestOneInput(data, (size_t)size);
        runs++;
    }
    free(data);
    fclose(file);
}

static void
run_path(const char *path)
{
    struct stat st;
    DIR *dir;

    if (stat(path, &st) == -1)
        return;
    if (!S_ISDIR(st.st_mode)) {
        run_file(path);
        return;
    }
    dir = opendir(path);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        char inside[4096];

        if (entry->d_name[0] == '.')
            continue;
        snprintf(inside, sizeof(inside), "%s/%s", path, entry->d_name);
        run_path(inside);
    }
    if (dir != NULL)
        closedir(dir);
}

int
main(int argc, char **argv)
{
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        long before = runs;

        run_path(argv[i]);
        if (runs == before) {
            printf("%s: no inputs\n", argv[i]);
            return 1;
        }
    }
    printf("%ld inputs\n", runs);
    return 0;
}
