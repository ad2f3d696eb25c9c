/*
 * arguments.c -- options and words of one command: --name, --name VALUE, --name=VALUE, --.
 *
 * Not getopt_long, whose `struct option` is another one than ours. There is no option for a
 * secret, on purpose: every process can read another's arguments.
 */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include "cdc/plain.h"
#include "commands.h"

static const struct name {
    const char *text;
    bool has_value;
    unsigned option; /* enum cli_option; 0: --json */
} names[] = {
    {"sink", true, CLI_SINK}, {"expect", true, CLI_EXPECT},      {"reason", true, CLI_REASON},
    {"to", true, CLI_TO},     {"dry-run", false, CLI_DRY_RUN},   {"at-slot", false, CLI_AT_SLOT},
    {"yes", false, CLI_YES},  {"markdown", false, CLI_MARKDOWN}, {"at-end", false, CLI_AT_SLOT},
    {"json", false, 0},       {"recount", false, CLI_RECOUNT},   {"table", true, CLI_TABLE},
    {NULL, false, 0},
};

int
cli_usage(const char *command, const char *what)
{
    const struct cli_command *c = command != NULL ? cli_find_command(command) : NULL;
    fprintf(stderr, "rowferry: %s\n", what);
    if (c != NULL)
        fprintf(stderr, "usage: rowferry %s\n       rowferry help %s says more\n", c->usage,
                c->name);
    return CLI_EXIT_USAGE;
}

/* "name" of "name" or "name=value". */
static const struct name *
find_name(const char *text)
{
    size_t len = strcspn(text, "=");
    for (const struct name *n = names; n->text != NULL; n++) {
        if (strlen(n->text) == len && strncmp(n->text, text, len) == 0)
            return n;
    }
    return NULL;
}

static void
store(struct cli_arguments *out, unsigned option, const char *value)
{
    switch (option) {
    case CLI_SINK:
        out->sink = value;
        break;
    case CLI_TABLE:
        out->table = value;
        break;
    case CLI_EXPECT:
        out->expect = value;
        break;
    case CLI_REASON:
        out->reason = value;
        break;
    case CLI_TO:
        out->to = value;
        break;
    case CLI_DRY_RUN:
        out->dry_run = true;
        break;
    case CLI_AT_SLOT:
        out->at_slot = true;
        break;
    case CLI_RECOUNT:
        out->recount = true;
        break;
    case CLI_YES:
        out->yes = true;
        break;
    case CLI_MARKDOWN:
        out->markdown = true;
        break;
    default:
        out->json = true;
    }
}

/* One option; returns how many arguments it took, or -1 and *why. */
static int
take_option(struct cli_arguments *out, const char *text, const char *following, unsigned allowed,
            const char **why)
{
    const struct name *name = find_name(text);
    const char *equals = strchr(text, '=');
    if (name == NULL || (name->option != 0 && (name->option & allowed) == 0)) {
        *why = "this command does not take that option";
        return -1;
    }
    if (!name->has_value) {
        *why = "that option takes no value";
        if (equals == NULL)
            store(out, name->option, NULL);
        return equals == NULL ? 1 : -1;
    }
    if (equals == NULL && following == NULL) {
        *why = "an option lacks its value";
        return -1;
    }
    store(out, name->option, equals != NULL ? equals + 1 : following);
    return equals != NULL ? 1 : 2;
}

static int
say(const char *command, const char *text, const char *why)
{
    struct buffer line = {0};
    plain_put(&line, text);
    buffer_printf(&line, ": %s", why);
    cli_usage(command, buffer_cstr(&line));
    buffer_free(&line);
    return -1;
}

int
cli_arguments(struct cli_arguments *out, int argc, char **argv, unsigned allowed, int least,
              int most)
{
    bool options = true;
    *out = (struct cli_arguments){0};
    for (int i = 1; i < argc;) {
        const char *why = NULL;
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
            i++;
        } else if (options && strncmp(argv[i], "--", 2) == 0) {
            const char *following = i + 1 < argc ? argv[i + 1] : NULL;
            int taken = take_option(out, argv[i] + 2, following, allowed, &why);
            if (taken == -1)
                return say(argv[0], argv[i], why);
            i += taken;
        } else if (options && argv[i][0] == '-' && argv[i][1] != '\0') {
            return say(argv[0], argv[i], "options have two dashes");
        } else if (out->nwords == most) {
            return say(argv[0], argv[i], "one argument too many");
        } else {
            out->words[out->nwords++] = argv[i++];
        }
    }
    if (out->nwords < least) {
        cli_usage(argv[0], "an argument is missing");
        return -1;
    }
    return 0;
}
