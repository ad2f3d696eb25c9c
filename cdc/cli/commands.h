/* commands.h -- the table of commands, for the dispatcher, help and usage errors. */
#ifndef CDC_CLI_COMMANDS_H
#define CDC_CLI_COMMANDS_H

struct cli_command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;   /* after "rowferry " */
    const char *summary; /* one line */
    const char *details; /* lines, each with its line end */
};

extern const struct cli_command cli_commands[]; /* ends in {NULL} */

const struct cli_command *cli_find_command(const char *name);

#endif
