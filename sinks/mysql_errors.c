/*
 * mysql_errors.c -- what a target's error asks for.
 *
 * Numbers are the server's own; MySQL and MariaDB share them below 3000, and those above belong to one of the two.
 */
#include "mysql_sink.h"

struct meaning {
    unsigned number;
    enum error_kind kind;
    const char *code;
};

static const struct meaning meanings[] = {
    /* a row that is there already, or that another row wants or does not want to be there */
    {1062, ERROR_DATA, "E_CONFLICT"},
    {1586, ERROR_DATA, "E_CONFLICT"},
    {1216, ERROR_DATA, "E_CONFLICT"}, /* foreign keys */
    {1217, ERROR_DATA, "E_CONFLICT"},
    {1451, ERROR_DATA, "E_CONFLICT"},
    {1452, ERROR_DATA, "E_CONFLICT"},
    /* a value that its column does not take */
    {1048, ERROR_DATA, "E_VALUE"}, /* NULL */
    {1263, ERROR_DATA, "E_VALUE"},
    {1264, ERROR_DATA, "E_VALUE"}, /* out of range */
    {1265, ERROR_DATA, "E_VALUE"}, /* truncated: also a label that an enum does not have */
    {1292, ERROR_DATA, "E_VALUE"}, /* no such date */
    {1300, ERROR_DATA, "E_VALUE"}, /* not of the character set */
    {1364, ERROR_DATA, "E_VALUE"}, /* no value and no default */
    {1366, ERROR_DATA, "E_VALUE"},
    {1367, ERROR_DATA, "E_VALUE"},
    {1406, ERROR_DATA, "E_VALUE"}, /* too long */
    {1411, ERROR_DATA, "E_VALUE"},
    {1416, ERROR_DATA, "E_VALUE"}, /* no geometry */
    {1441, ERROR_DATA, "E_VALUE"},
    {1526, ERROR_DATA, "E_VALUE"}, /* no partition takes it */
    {1690, ERROR_DATA, "E_VALUE"},
    {3037, ERROR_DATA, "E_VALUE"},
    {3140, ERROR_DATA, "E_VALUE"}, /* no JSON */
    {3141, ERROR_DATA, "E_VALUE"},
    {3144, ERROR_DATA, "E_VALUE"},
    {3157, ERROR_DATA, "E_VALUE"},
    {3548, ERROR_DATA, "E_VALUE"}, /* no such reference system */
    {3616, ERROR_DATA, "E_VALUE"}, /* longitude, latitude */
    {3617, ERROR_DATA, "E_VALUE"},
    {3643, ERROR_DATA, "E_VALUE"}, /* another one than the column's */
    {3732, ERROR_DATA, "E_VALUE"},
    {3819, ERROR_DATA, "E_VALUE"}, /* CHECK */
    {4025, ERROR_DATA, "E_VALUE"},
    {4079, ERROR_DATA, "E_VALUE"},
    {6138, ERROR_DATA, "E_VALUE"}, /* vectors */
    {6139, ERROR_DATA, "E_VALUE"},
    /* all of it once more */
    {1020, ERROR_RETRY, "E_TARGET_BUSY"}, /* the row has changed meanwhile */
    {1021, ERROR_RETRY, "E_TARGET_FULL"}, /* the disk */
    {1026, ERROR_RETRY, "E_TARGET_FULL"},
    {1114, ERROR_RETRY, "E_TARGET_FULL"},
    {1205, ERROR_RETRY, "E_TARGET_BUSY"}, /* lock wait */
    {1213, ERROR_RETRY, "E_TARGET_BUSY"}, /* deadlock */
    {1412, ERROR_RETRY, "E_TARGET_BUSY"}, /* the table has changed meanwhile */
    {1614, ERROR_RETRY, "E_TARGET_BUSY"},
    {3101, ERROR_RETRY, "E_TARGET_BUSY"}, /* another member of the group was first */
    {3572, ERROR_RETRY, "E_TARGET_BUSY"},
    /* the operator's */
    {1044, ERROR_CONFIG, "E_PRIVILEGE"},
    {1142, ERROR_CONFIG, "E_PRIVILEGE"},
    {1143, ERROR_CONFIG, "E_PRIVILEGE"},
    {1227, ERROR_CONFIG, "E_PRIVILEGE"},
    {1370, ERROR_CONFIG, "E_PRIVILEGE"},
    {1290, ERROR_CONFIG, "E_TARGET_READONLY"},
    {1792, ERROR_CONFIG, "E_TARGET_READONLY"},
    {1836, ERROR_CONFIG, "E_TARGET_READONLY"},
    {1051, ERROR_CONFIG, "E_TARGET_TABLE"},
    {1146, ERROR_CONFIG, "E_TARGET_TABLE"},
    {1054, ERROR_CONFIG, "E_TARGET_COLUMN"},
};

int
mysink_error(unsigned number, const char *text, const char *what, struct error *err)
{
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (meanings[i].number == number)
            return error_set(err, meanings[i].kind, meanings[i].code, "%s%s%.300s (%u)", what, what[0] != 0 ? ": " : "",
                             text, number);
    }
    return mysql_server_error(number, text, what, err);
}

int
mysink_failed(MYSQL *conn, const char *what, struct error *err)
{
    return mysink_error(mysql_errno(conn), mysql_error(conn), what, err);
}
