/*
 * mysql_sink.h -- what the files of the MySQL and MariaDB engine share. Threads: the sink's.
 */
#ifndef SINKS_MYSQL_SINK_H
#define SINKS_MYSQL_SINK_H

#include "../cdc/client/mysql_conn.h"
#include "database.h"

/* ---- a table of the target ---- */

enum mysink_family {
    FAMILY_OTHER,
    FAMILY_INTEGER,
    FAMILY_BITS, /* BIT, and YEAR: numbers of their own kind */
    FAMILY_DECIMAL,
    FAMILY_FLOAT,
    FAMILY_DOUBLE,
    FAMILY_TEXT,
    FAMILY_LABEL, /* ENUM, SET */
    FAMILY_BYTES,
    FAMILY_DATE,
    FAMILY_TIME, /* DATETIME, TIMESTAMP, TIME */
    FAMILY_JSON,
    FAMILY_GEOMETRY,
};

/* A column of the target: db_column.own. */
struct mysink_column {
    enum mysink_family family;
    int32_t scale;         /* DECIMAL, INTEGER: digits after the point; TIME: of the seconds */
    uint64_t length;       /* TEXT: characters; 0: not told */
    bool fixed;            /* CHAR: blanks at the end are dropped */
    bool utf8;             /* TEXT, LABEL: of utf8mb4 */
    bool loose;            /* TEXT of utf8mb4 whose collation takes texts of other bytes for equal */
    bool generated;        /* the server makes its values: it is left out */
    bool needed;           /* NOT NULL, and nothing stands in for a value that is missing */
    const char *collation; /* "" where there is none */
};

/* db_table.own. */
struct mysink_table {
    const char *name;       /* `schema`.`table`, as statements say it */
    bool other_unique;      /* another unique index: ON DUPLICATE KEY UPDATE could hit the wrong row */
    bool joins;             /* rows are found by a join with a list of keys: see mysql_apply.c */
};

/* ---- the session ---- */

enum mysink_form {
    FORM_BEGIN,  /* the fence */
    FORM_ROWS,   /* one statement of many rows: INSERT, UPDATE by a join */
    FORM_KEYS,   /* one statement that lists keys: DELETE, a mark */
    FORM_EACH,   /* a statement for each row */
};

/* A text that was sent and not answered yet; there is at most one. */
struct mysink_flight {
    bool out;
    enum mysink_form form;
    const struct db_group *group;
    uint32_t first, rows; /* of the group's */
    unsigned statements;
};

struct mysink_session {
    MYSQL *conn;
    struct mysql_server server;
    char database[256];
    size_t packet_max;    /* the server's max_allowed_packet */
    bool begun;
    struct buffer sql;    /* the text that is being written */
    size_t where;         /* its last " WHERE " */
    struct value *room;   /* two rows of values */
    uint16_t room_columns;
    struct mysink_flight flight;
};

static inline struct mysink_session *
mysink_session_of(struct db *db)
{
    return db->own;
}

/* mysql_engine.c */
int mysink_send(struct db *, const struct mysink_flight *, struct error *err);
int mysink_land(struct db *, struct error *err);

/* mysql_errors.c: what the server's last error asks for, with the codes of database.h. Return -1. */
int mysink_failed(MYSQL *, const char *what, struct error *err);
int mysink_error(unsigned number, const char *text, const char *what, struct error *err);

/* mysql_offsets.c */
int mysink_make_offsets(struct db *, struct error *err);
int mysink_takeover(struct db *, const char *owner, struct db_record *out, struct error *err);
int mysink_load(struct db *, struct db_record *out, struct error *err);
int mysink_forget_offset(struct db *, bool dry_run, bool *was_there, struct error *err);
/* "pipeline = '...' AND sink = '...' AND shard = ''" */
void mysink_put_row_key(const struct db *, struct buffer *out);
/* 0 rows were hit where one should have been: somebody else's epoch. Returns -1. */
int mysink_fenced(struct db *, struct error *err);
int mysink_run_ddl(struct db *, const char *sql, struct error *err);

/* mysql_write.c: values as SQL */
enum mysink_place {
    IN_VALUES, /* to be stored */
    IN_WHERE,  /* to be compared */
};
int mysink_put_value(struct buffer *out, bool mariadb, const struct mysink_column *to, const struct column *from,
                    const struct value *, enum mysink_place, struct error *err);
void mysink_put_string(struct buffer *out, struct bytes text);
void mysink_put_bytes(struct buffer *out, struct bytes);
void mysink_put_datetime(struct buffer *out, int64_t micros);

/* mysql_apply.c */
int mysink_apply(struct db *, const struct db_group *, struct error *err);
/* mysql_guilty.c: name the row that a text failed for. `said`: what the server said of all of it. Returns -1. */
int mysink_find_guilty(struct db *, const struct mysink_flight *, struct error *err);
/* The statement for one row, without its end. -1 with the row's name in the error. */
int mysink_put_one(struct db *, const struct db_group *, const struct db_row *, struct error *err);
int mysink_name_row(struct db *, const struct db_group *, const struct db_row *, struct error *err);
int mysink_missing_row(struct db *, const struct db_group *, const struct db_row *, struct error *err);

/* mysql_tables.c */
int mysink_describe(struct db *, struct db_table *, struct error *err);
void mysink_forget(struct db_table *);
/* mysql_types.c */
int mysink_create_sql(struct db *, const struct db_table *, struct buffer *out, struct error *err);
int mysink_add_column_sql(struct db *, const struct db_table *, uint16_t column, struct buffer *out, struct error *err);
/* The n-th of our own columns in this mode: its name, and *type; NULL: there are no more. */
const char *mysink_own_column(const struct db *, int n, const char **type);
/* `schema`.`table` */
void mysink_put_table(const struct db_table *, struct buffer *out);

/* mysql_check.c */
void mysink_warn(struct db *); /* of what is not refused */
void mysink_check(struct db *, struct report *);
int mysink_check_server(struct db *, struct error *err);

#endif
