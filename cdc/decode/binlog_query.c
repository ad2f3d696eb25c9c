/* binlog_query.c -- see binlog_query.h. */
#include "binlog_query.h"

#include <ctype.h>
#include <strings.h>

enum { NAME_BYTES = 256 };

/* Spaces and comments. What stands inside a versioned comment is text: only its marks are passed over. */
static void
skip_space(struct cursor *in)
{
    while (in->at < in->end) {
        size_t left = cursor_left(in);

        if (isspace(in->at[0]) || in->at[0] == ';') {
            in->at++;
        } else if (left >= 2 && in->at[0] == '*' && in->at[1] == '/') {
            in->at += 2;
        } else if (left >= 3 && in->at[0] == '/' && in->at[1] == '*' && (in->at[2] == '!' || in->at[2] == 'M')) {
            in->at += 3;
            while (in->at < in->end && (isdigit(in->at[0]) || in->at[0] == '!'))
                in->at++;
        } else if (left >= 2 && in->at[0] == '/' && in->at[1] == '*') {
            in->at += 2;
            while (cursor_left(in) >= 2 && !(in->at[0] == '*' && in->at[1] == '/'))
                in->at++;
            in->at = cursor_left(in) >= 2 ? in->at + 2 : in->end;
        } else if (in->at[0] == '#' || (left >= 3 && in->at[0] == '-' && in->at[1] == '-' && isspace(in->at[2]))) {
            while (in->at < in->end && in->at[0] != '\n')
                in->at++;
        } else {
            return;
        }
    }
}

/* The next word, in lower case, into `word`; "" at the end or before anything else. */
static void
take_word(struct cursor *in, char *word, size_t size)
{
    size_t n = 0;

    skip_space(in);
    for (; in->at < in->end && (isalpha(in->at[0]) || in->at[0] == '_'); in->at++) {
        if (n + 1 < size)
            word[n++] = (char)tolower(in->at[0]);
    }
    word[n] = 0;
}

static bool
is_one_of(const char *word, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcmp(word, *words) == 0)
            return true;
    }
    return false;
}

static enum binlog_query_kind
xa_kind(struct cursor *in)
{
    char word[16];

    take_word(in, word, sizeof(word));
    if (strcmp(word, "start") == 0 || strcmp(word, "begin") == 0)
        return QUERY_XA_START;
    if (strcmp(word, "end") == 0)
        return QUERY_XA_END;
    if (strcmp(word, "prepare") == 0)
        return QUERY_XA_PREPARE;
    if (strcmp(word, "commit") == 0)
        return QUERY_XA_COMMIT;
    return strcmp(word, "rollback") == 0 ? QUERY_XA_ROLLBACK : QUERY_STATEMENT;
}

/* ROLLBACK; ROLLBACK [WORK] TO [SAVEPOINT] name. */
static enum binlog_query_kind
rollback_kind(struct cursor *in)
{
    char word[16];

    take_word(in, word, sizeof(word));
    if (strcmp(word, "work") == 0)
        take_word(in, word, sizeof(word));
    return strcmp(word, "to") == 0 ? QUERY_ROLLBACK_TO : QUERY_ROLLBACK;
}

/* Passes over one word, quoted text, or other character. True: it was `word`, outside of quotes. */
static bool
pass_part(struct cursor *in, const char *word)
{
    char found[16];
    uint8_t quote;

    take_word(in, found, sizeof(found));
    if (found[0] != 0)
        return strcmp(found, word) == 0;
    if (in->at == in->end)
        return false;
    quote = *in->at++;
    if (quote != '\'' && quote != '"' && quote != '`')
        return false;
    for (; in->at < in->end && in->at[0] != quote; in->at++) {
        if (in->at[0] == '\\' && quote != '`' && cursor_left(in) > 1)
            in->at++;
    }
    if (in->at < in->end)
        in->at++;
    return false;
}

static bool
pass_to(struct cursor *in, const char *word)
{
    while (in->at < in->end) {
        if (pass_part(in, word))
            return true;
    }
    return false;
}

/* CREATE [OR REPLACE] USER, ROLE, SERVER, and the like. */
static bool
is_of_account(struct cursor in)
{
    static const char *const things[] = {"user", "role", "server", NULL};
    char word[16];

    take_word(&in, word, sizeof(word));
    if (strcmp(word, "or") == 0) {
        take_word(&in, word, sizeof(word));
        take_word(&in, word, sizeof(word));
    }
    return is_one_of(word, things);
}

/* CREATE TABLE ... SELECT as one statement: its rows are nowhere else. A temporary table's are nobody's. */
static enum binlog_query_kind
create_kind(struct cursor *in)
{
    char word[16];

    take_word(in, word, sizeof(word));
    if (strcmp(word, "or") == 0) {
        take_word(in, word, sizeof(word));
        take_word(in, word, sizeof(word));
    }
    return strcmp(word, "table") == 0 && pass_to(in, "select") ? QUERY_STATEMENT : QUERY_DDL;
}

/* MariaDB's ANALYZE UPDATE ...: it runs. */
static enum binlog_query_kind
analyze_kind(struct cursor *in)
{
    static const char *const changes[] = {"update", "delete", "insert", "replace"};

    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct cursor look = *in;

        if (pass_to(&look, changes[i]))
            return QUERY_STATEMENT;
    }
    return QUERY_DDL;
}

/* Behind MariaDB's SET STATEMENT name = value, ... FOR. */
static bool
pass_set_statement(struct cursor *in)
{
    struct cursor look = *in;
    char word[16];

    take_word(&look, word, sizeof(word));
    if (strcmp(word, "set") != 0)
        return false;
    take_word(&look, word, sizeof(word));
    if (strcmp(word, "statement") != 0 || !pass_to(&look, "for"))
        return false;
    *in = look;
    return true;
}

enum binlog_query_kind
binlog_query_kind(struct bytes text)
{
    /* What is not known is taken for a change of rows: then a person looks at it, and nothing is lost in silence. */
    static const char *const ddl[] = {
        "alter",  "drop",   "rename",  "analyze", "optimize", "repair", "flush",    "install", "uninstall",
        "import", "reset",  "check",   "comment", "lock",     "unlock", "use",      "purge",   "start",
        "stop",   "clone",  "cache",   "restart", "shutdown", "kill",   NULL,
    };
    static const char *const account[] = {"grant", "revoke", "set", "change", NULL};
    static const char *const of_account[] = {"create", "alter", "drop", "rename", NULL};
    static const char *const savepoint[] = {"savepoint", "release", NULL};
    struct cursor in = cursor_of(text);
    char word[16];

    pass_set_statement(&in);
    take_word(&in, word, sizeof(word));
    if (word[0] == 0)
        return in.at == in.end ? QUERY_NOTHING : QUERY_STATEMENT;
    if (strcmp(word, "begin") == 0)
        return QUERY_BEGIN;
    if (strcmp(word, "commit") == 0)
        return QUERY_COMMIT;
    if (strcmp(word, "rollback") == 0)
        return rollback_kind(&in);
    if (strcmp(word, "xa") == 0)
        return xa_kind(&in);
    if (strcmp(word, "truncate") == 0)
        return QUERY_TRUNCATE;
    if (is_one_of(word, savepoint))
        return QUERY_SAVEPOINT;
    if (is_one_of(word, account) || (is_one_of(word, of_account) && is_of_account(in)))
        return QUERY_ACCOUNT;
    if (strcmp(word, "create") == 0)
        return create_kind(&in);
    if (strcmp(word, "analyze") == 0)
        return analyze_kind(&in);
    return is_one_of(word, ddl) ? QUERY_DDL : QUERY_STATEMENT;
}

bool
binlog_query_xid(struct bytes text, char *xid, size_t size)
{
    struct cursor in = cursor_of(text);
    char word[16];
    size_t n = 0;

    take_word(&in, word, sizeof(word));
    take_word(&in, word, sizeof(word));
    skip_space(&in);
    for (; in.at < in.end; in.at++) {
        char c = (char)in.at[0];

        if (isspace((unsigned char)c))
            continue;
        if (isalpha((unsigned char)c) && c != 'X' && c != 'x' && (c | 0x20) > 'f')
            break; /* ONE PHASE */
        if (n + 1 >= size)
            return false;
        xid[n++] = c == 'x' || c == 'X' ? 'X' : (char)tolower(c);
    }
    xid[n] = 0;
    return n > 0;
}

/* A name, quoted by ` or " (doubled inside) or bare. */
static bool
take_name(struct cursor *in, char *name)
{
    size_t n = 0;
    uint8_t quote;

    skip_space(in);
    if (in->at == in->end)
        return false;
    quote = in->at[0];
    if (quote == '`' || quote == '"') {
        for (in->at++; in->at < in->end; in->at++) {
            if (in->at[0] == quote && (cursor_left(in) < 2 || in->at[1] != quote))
                break;
            if (in->at[0] == quote)
                in->at++;
            if (n + 1 < NAME_BYTES)
                name[n++] = (char)in->at[0];
        }
        if (in->at == in->end)
            return false;
        in->at++;
    } else {
        for (; in->at < in->end && (isalnum(in->at[0]) || in->at[0] == '_' || in->at[0] == '$' || in->at[0] >= 0x80);
             in->at++) {
            if (n + 1 < NAME_BYTES)
                name[n++] = (char)in->at[0];
        }
    }
    name[n] = 0;
    return n > 0;
}

bool
binlog_query_truncated(struct bytes text, char *schema, char *table)
{
    struct cursor in = cursor_of(text), before;
    char word[16];

    pass_set_statement(&in);
    take_word(&in, word, sizeof(word));
    if (strcmp(word, "truncate") != 0)
        return false;
    before = in;
    take_word(&in, word, sizeof(word));
    if (strcmp(word, "table") != 0)
        in = before;
    schema[0] = 0;
    if (!take_name(&in, table))
        return false;
    skip_space(&in);
    if (in.at == in.end || in.at[0] != '.')
        return true;
    in.at++;
    memcpy(schema, table, NAME_BYTES);
    return take_name(&in, table);
}
