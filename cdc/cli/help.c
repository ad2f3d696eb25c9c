/* help.c -- rowferry help: the commands, one command, or every key of the configuration. */
#include <stdio.h>
#include <string.h>

#include "cdc/json.h"
#include "cli.h"
#include "commands.h"

static void
put_overview(struct buffer *out)
{
    buffer_put_string(out, "rowferry reads a database's log and delivers each change once.\n\n");
    for (const struct cli_command *c = cli_commands; c->name != NULL; c++)
        buffer_printf(out, "  %-9s %s\n", c->name, c->summary);
    buffer_put_string(out,
                      "\nrowferry help COMMAND says more, rowferry help config lists every key.\n"
                      "Every command but run takes --json. Exit status: 0 done, 1 the answer is\n"
                      "no, 2 usage or configuration, 3 a server can't be reached, 4 refused to\n"
                      "protect data.\n");
}

static void
put_json(struct buffer *out)
{
    buffer_put_string(out, "{\"commands\":[");
    for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
        if (c != cli_commands)
            buffer_put_string(out, ",");
        json_member(out, "{", "name", c->name);
        json_member(out, ",", "usage", c->usage);
        json_member(out, ",", "summary", c->summary);
        buffer_put_string(out, "}");
    }
    buffer_put_string(out, "]}\n");
}

int
cli_help(int argc, char **argv)
{
    struct cli_arguments args;
    struct buffer out = {0};
    const struct cli_command *command;
    if (cli_arguments(&args, argc, argv, CLI_MARKDOWN, 0, 1) == -1)
        return CLI_EXIT_USAGE;
    if (args.nwords == 0 && args.json) {
        put_json(&out);
        return cli_finish(&out, 0);
    }
    if (args.nwords == 0) {
        put_overview(&out);
        return cli_finish(&out, 0);
    }
    if (strcmp(args.words[0], "config") == 0) {
        config_document(args.markdown, &out);
        return cli_finish(&out, 0);
    }
    command = cli_find_command(args.words[0]);
    if (command == NULL)
        return cli_usage("help", "there is no such command");
    buffer_printf(&out, "usage: rowferry %s\n\n%s.\n%s%s", command->usage, command->summary,
                  command->details[0] != '\0' ? "\n" : "", command->details);
    return cli_finish(&out, 0);
}
