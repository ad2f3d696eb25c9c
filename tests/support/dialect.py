"""What the ledger says differently to each kind of server."""

POSTGRESQL = """
create table accounts (id bigint primary key, balance numeric(12,2) not null,
                       ver bigint not null, note text);
create table moves (id bigserial primary key, src bigint, dst bigint,
                    amount numeric(12,2), ver bigint not null default 1);
create table ledger_oracle (seq bigserial primary key, txid xid8 not null, op text not null,
                            tbl text not null, id bigint not null, ver bigint);
create function ledger_watch() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    insert into ledger_oracle(txid, op, tbl, id)
      values (pg_current_xact_id(), 'd', tg_table_name, old.id);
  elsif tg_op = 'UPDATE' and old.id = new.id then
    insert into ledger_oracle(txid, op, tbl, id, ver)
      values (pg_current_xact_id(), 'u', tg_table_name, new.id, new.ver);
  else
    if tg_op = 'UPDATE' then          -- a new key: a delete and a create for a reader
      insert into ledger_oracle(txid, op, tbl, id)
        values (pg_current_xact_id(), 'd', tg_table_name, old.id);
    end if;
    insert into ledger_oracle(txid, op, tbl, id, ver)
      values (pg_current_xact_id(), 'c', tg_table_name, new.id, new.ver);
  end if;
  return null;
end $$;
create trigger watch after insert or update or delete on accounts
  for each row execute function ledger_watch();
create trigger watch after insert or update or delete on moves
  for each row execute function ledger_watch();
"""

MYSQL_TABLES = """
create table accounts (id bigint primary key, balance decimal(12,2) not null,
                       ver bigint not null, note text) engine = innodb character set utf8mb4;
create table moves (id bigint primary key auto_increment, src bigint, dst bigint,
                    amount decimal(12,2), ver bigint not null default 1) engine = innodb;
create table ledger_oracle (seq bigint primary key auto_increment, op char(1) not null,
                            tbl varchar(20) not null, id bigint not null, ver bigint) engine = innodb;
"""
MYSQL_TRIGGERS = """
create trigger {0}_created after insert on {0} for each row
  insert into ledger_oracle(op, tbl, id, ver) values ('c', '{0}', new.id, new.ver);
create trigger {0}_deleted after delete on {0} for each row
  insert into ledger_oracle(op, tbl, id) values ('d', '{0}', old.id);
create trigger {0}_updated after update on {0} for each row
  if old.id = new.id then
    insert into ledger_oracle(op, tbl, id, ver) values ('u', '{0}', new.id, new.ver);
  else                                -- a new key: a delete and a create for a reader
    insert into ledger_oracle(op, tbl, id) values ('d', '{0}', old.id);
    insert into ledger_oracle(op, tbl, id, ver) values ('c', '{0}', new.id, new.ver);
  end if;
"""


class Postgresql:
    tables = POSTGRESQL
    touch = ("update accounts set ver = ver + 1 where id in (select id from accounts "
             "where id between %s and %s order by id for update)")

    def session(self, identity):
        """What a writer's connection begins with."""
        return "set lock_timeout = '10s'"

    def identify(self, identity):
        """What makes the log say this much of an old row; None: nothing to do."""
        return "alter table accounts replica identity full" if identity == "full" else None

    def is_conflict(self, why):
        """Writers met: the transaction is tried again."""
        from psycopg import errors
        return isinstance(why, (errors.DeadlockDetected, errors.LockNotAvailable, errors.UniqueViolation))

    def is_lost(self, why):
        """The server is away."""
        from psycopg import OperationalError
        return isinstance(why, OperationalError)


class Mysql:
    tables = MYSQL_TABLES + MYSQL_TRIGGERS.format("accounts") + MYSQL_TRIGGERS.format("moves")
    touch = "update accounts set ver = ver + 1 where id between %s and %s order by id"
    conflicts = {1213, 1205, 1062, 1020}       # deadlock, lock wait, duplicate key, changed since read
    lost = {1053, 1152, 1158, 1159, 1160, 1161, 1184, 1317, 1927, 2002, 2003, 2006, 2013, 2055}

    def session(self, identity):
        return "do 0" if identity == "default" else f"set session binlog_row_image = {identity}"

    def identify(self, identity):
        return None

    def is_conflict(self, why):
        return code_of(why) in self.conflicts

    def is_lost(self, why):
        from pymysql import InterfaceError
        return code_of(why) in self.lost or isinstance(why, InterfaceError)


def code_of(why):
    import pymysql
    return why.args[0] if isinstance(why, pymysql.MySQLError) and why.args else None


def dialect_of(server):
    return Postgresql() if server.kind == "postgresql" else Mysql()
