/*
 * failpoint.c -- see cdc/failpoint.h. Empty unless built with -DCDC_FAILPOINTS.
 *
 * The list is parsed at the first call, under a mutex that also guards the counts.
 */
#include "cdc/failpoint.h"

#ifdef CDC_FAILPOINTS

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cdc/log.h"

struct point {
    char name[48];
    char action[32];
    long due;  /* hits left until it acts */
};

static struct point points[32];
static int npoints;
static bool parsed;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void
parse(void)
{
    const char *list = getenv("ROWFERRY_FAILPOINTS");
    char *copy, *save = NULL;

    parsed = true;
    if (list == NULL || (copy = strdup(list)) == NULL)
        return;
    for (char *item = strtok_r(copy, ",", &save); item != NULL;
         item = strtok_r(NULL, ",", &save)) {
        struct point *p = &points[npoints];
        char *colon = strchr(item, ':');
        char *at;

        if (colon == NULL || npoints == 32)
            continue;
        *colon = 0;
        at = strchr(colon + 1, '@');
        p->due = at != NULL ? strtol(at + 1, NULL, 10) : 1;
        if (at != NULL)
            *at = 0;
        snprintf(p->name, sizeof(p->name), "%s", item);
        snprintf(p->action, sizeof(p->action), "%s", colon + 1);
        npoints++;
    }
    free(copy);
}

static int
act(const char *name, const char *action)
{
    long ms = 0;

    log_warn("failpoint", "name=%s action=%s", name, action);
    if (strcmp(action, "kill") == 0)
        kill(getpid(), SIGKILL);
    else if (strcmp(action, "stop") == 0)
        kill(getpid(), SIGSTOP);
    else if (strcmp(action, "exit") == 0)
        _exit(70);
    else if (strcmp(action, "err") == 0)
        return -1;
    else if (sscanf(action, "sleep(%ld)", &ms) == 1) {
        struct timespec t = {ms / 1000, (ms % 1000) * 1000000};
        nanosleep(&t, NULL);
    }
    return 0;
}

int
failpoint(const char *name)
{
    char action[32] = "";

    pthread_mutex_lock(&lock);
    if (!parsed)
        parse();
    for (int i = 0; i < npoints; i++) {
        if (strcmp(points[i].name, name) == 0 && --points[i].due == 0)
            memcpy(action, points[i].action, sizeof(action));
    }
    pthread_mutex_unlock(&lock);
    return action[0] != 0 ? act(name, action) : 0;
}

#endif

typedef int failpoint_translation_unit_is_not_empty;
