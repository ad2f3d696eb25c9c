/*
 * cli.c -- `rowferry COMMAND ...` to the function that does it.
 *
 * The table below is all that is known of a command in one place: help prints it, usage errors
 * print one row of it.
 */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include "cdc/log.h"
#include "cdc/version.h"
#include "commands.h"

const struct cli_command cli_commands[] = {
    {"run", cli_run, "run FILE...", "run pipelines until stopped; SIGTERM drains",
     "Each FILE is one pipeline. Ends with status 0 after SIGTERM or SIGINT, once everything\n"
     "that was on its way is committed.\n"},
    {"check", cli_check, "check FILE [--json]",
     "connect everywhere, say what is missing and how to mend it",
     "Looks at the source, every sink and every offset; changes nothing.\n"},
    {"status", cli_status, "status FILE [--json]",
     "where it is, how far behind, why, and what next",
     "Asks the source and each sink's own offset; works whether the pipeline runs or "
     "not.\n"},
    {"offsets", cli_offsets, "offsets list|show|set|rewind|skip|export|import FILE ...",
     "show, move, save and restore the positions of sinks",
     "  offsets list FILE                      one line for each sink\n"
     "  offsets show FILE [--sink NAME]        the whole record\n"
     "  offsets set FILE POS --sink NAME --expect POS --reason TEXT\n"
     "  offsets set FILE --at-slot ...         to the slot's confirmed position, or, on MySQL and\n"
     "                                         MariaDB, to the end of the log (--at-end is the same)\n"
     "  offsets set FILE --recount ...         MySQL, MariaDB: a position inside a transaction to where it\n"
     "                                         stands on this server, by its rows\n"
     "  offsets rewind FILE [POS] --sink NAME --expect POS --reason TEXT\n"
     "                                         back, at most to the slot's confirmed position; on\n"
     "                                         MySQL and MariaDB, to POS\n"
     "  offsets skip FILE --to POS --sink NAME --expect POS --reason TEXT\n"
     "                                         forward: what lies between is lost\n"
     "  offsets export FILE                    all of them as JSON, for import\n"
     "  offsets import FILE SAVED.json --reason TEXT [--sink NAME]\n"
     "\n"
     "What moves an offset needs the pipeline stopped and writes an audit line first; with\n"
     "--dry-run it only says what would be read again or lost. --expect is the position that\n"
     "the sink has now (or none, or starting): if it has another one, nothing is done. --sink\n"
     "may be left out where there is only one.\n"},
    {"schema", cli_schema, "schema FILE [TABLE] [--json]", "the Avro schemas it would register",
     "Asks the source's catalogue; registers nothing. TABLE is schema.table, with * and ?.\n"},
    {"verify", cli_verify, "verify FILE --sink NAME [--table GLOB] [--json]",
     "compare the rows of the source and of a database sink",
     "Both may be written to meanwhile: a row that differs is looked at three times, each time\n"
     "when the sink has passed the place where the source's log ended. Reads only, locks\n"
     "nothing. GLOB is schema.table, with * and ?. Status 1: something differs, or could not\n"
     "be compared. At most 1000 rows are printed; all are counted.\n"},
    {"remove", cli_remove, "remove FILE [--dry-run] [--yes] [--json]",
     "drop its slot, publication and offsets: says what, asks",
     "Data that was delivered stays. Needs the pipeline stopped.\n"},
    {"help", cli_help, "help [COMMAND | config [--markdown]]",
     "this, one command, or every key of the configuration", ""},
    {NULL, NULL, NULL, NULL, NULL},
};

const struct cli_command *
cli_find_command(const char *name)
{
    for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
        if (strcmp(c->name, name) == 0)
            return c;
    }
    return NULL;
}

static bool
is_any(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

int
cli_main(int argc, char **argv)
{
    char *help[] = {"help", NULL};
    const struct cli_command *command;
    if (argc < 2) {
        cli_help(1, help);
        return CLI_EXIT_USAGE;
    }
    if (is_any(argv[1], "--help", "-h"))
        return cli_help(1, help);
    if (is_any(argv[1], "--version", "-V")) {
        puts("rowferry " ROWFERRY_VERSION);
        return 0;
    }
    command = cli_find_command(argv[1]);
    if (command == NULL)
        return cli_usage(NULL, "unknown command; see rowferry help");
    if (argc > 2 && is_any(argv[2], "--help", "-h")) {
        char *one[] = {"help", argv[1], NULL};
        return cli_help(2, one);
    }
    if (command->run != cli_run)
        log_setup(LOG_WARN, false); /* run does it by its configuration */
    return command->run(argc - 1, argv + 1);
}
