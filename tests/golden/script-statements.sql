-- Changes that are logged as statements, between changes that are logged as rows.

create database golden character set utf8mb4;
use golden;
create table t (id int primary key auto_increment, v varchar(40), r double);
insert into t (v) values ('a row');
set session binlog_format = 'statement';
insert into t (v) values ('a statement');
set @v = 'of a variable: é';
insert into t (v) values (@v);
insert into t (v, r) values ('of chance', rand());
insert into t (v) values (concat('after ', last_insert_id()));
update t set v = concat(v, '!') where id = 1;
set session binlog_format = 'row';
insert into t (v) values ('a row again');
