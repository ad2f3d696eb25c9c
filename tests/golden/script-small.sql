-- A few transactions, for what is not about tables and types.

create database golden character set utf8mb4;
use golden;
create table t (id int primary key auto_increment, v varchar(20));
insert into t (v) values ('one'), ('two');
update t set v = 'uno' where id = 1;
delete from t where id = 2;
begin;
insert into t (v) values ('three');
insert into t (v) values ('four');
commit;
create table m (id int primary key) engine = myisam;
insert into m values (1);
flush binary logs;
insert into t (v) values ('in the next file');
