-- What the binlog captures are made of, as far as MySQL and MariaDB say it alike; script-mysql.sql and
-- script-mariadb.sql go on from here. capture_binlog.py runs them: a statement ends with a line that ends in a
-- semicolon. `-- @session NAME` goes on in another connection, `-- @fails CODE` expects the next statement to fail.
-- Tables `types_*` get inserts only, so that each row as it is in the end is a row of the log.

create database golden character set utf8mb4;
use golden;
set time_zone = '+00:00';
-- all single bytes
set @low = concat(x'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
    x'202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f',
    x'404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f',
    x'606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f');
set @high = concat(x'808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f',
    x'a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf',
    x'c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf',
    x'e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff');

-- numbers ----------------------------------------------------------------------------------------

create table types_int (id int primary key, b bool, i1 tinyint, u1 tinyint unsigned, i2 smallint, u2 smallint unsigned,
    i3 mediumint, u3 mediumint unsigned, i4 int, u4 int unsigned, i8 bigint, u8 bigint unsigned,
    z6 int(6) unsigned zerofill, y year);
insert into types_int values (1, true, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
insert into types_int values (2, false, -128, 255, -32768, 65535, -8388608, 16777215, -2147483648, 4294967295,
    -9223372036854775808, 18446744073709551615, 4294967295, 1901);
insert into types_int values (3, 127, 127, 128, 32767, 32768, 8388607, 8388608, 2147483647, 2147483648,
    9223372036854775807, 9223372036854775808, 42, 2155);
insert into types_int values (4, -1, -1, 127, -1, 32767, -1, 8388607, -1, 2147483647, -1, 9007199254740993, 1, '00');
insert into types_int values (5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 999999, 1999), (6, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 70);
insert into types_int (id) values (7);

create table types_float (id int primary key, f float, d double, f_unsigned float unsigned, f_7_3 float(7, 3),
    d_20_5 double(20, 5));
insert into types_float values (1, 0, 0, 0, 0, 0), (2, -0e0, -0e0, 1, -1.5, -1.5);
insert into types_float values (3, 3.402823466e38, 1.7976931348623157e308, 3.402823466e38, 9999.999, 123456789012.12345);
insert into types_float values (4, -3.402823466e38, -1.7976931348623157e308, 1.175494351e-38, -9999.999, 0.00001);
insert into types_float values (5, 1.175494351e-38, 2.2250738585072014e-308, 0.1, 0.001, 0.1);
insert into types_float values (6, 0.1, 0.1, 0.3, 0.125, 0.3), (7, 16777217, 9007199254740993, 16777216, 1, 1e14);
insert into types_float values (8, 1e-7, 1e22, 1.5, 12.3456, 1.000005), (9, 1.1e-10, 1.5e-300, 123456.7, 1.2345, 2.5);
insert into types_float (id) values (10);

create table types_decimal (id int primary key, d10_2 decimal(10, 2), d65_30 decimal(65, 30), d65_0 decimal(65, 0),
    d30_30 decimal(30, 30), d1_0 decimal(1, 0), d9_0 decimal(9, 0), d10_0 decimal(10, 0), d18_9 decimal(18, 9),
    d20_6 decimal(20, 6), d5_3 decimal(5, 3), u12_4 decimal(12, 4) unsigned);
insert into types_decimal values (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
insert into types_decimal values (2, 99999999.99, 99999999999999999999999999999999999.999999999999999999999999999999,
    99999999999999999999999999999999999999999999999999999999999999999, 0.999999999999999999999999999999, 9, 999999999,
    9999999999, 999999999.999999999, 99999999999999.999999, 99.999, 99999999.9999);
insert into types_decimal values (3, -99999999.99, -99999999999999999999999999999999999.999999999999999999999999999999,
    -99999999999999999999999999999999999999999999999999999999999999999, -0.999999999999999999999999999999, -9,
    -999999999, -9999999999, -999999999.999999999, -99999999999999.999999, -99.999, 0.0001);
insert into types_decimal values (4, -0.01, -0.000000000000000000000000000001, -1, -0.000000000000000000000000000001, 1,
    -1, -1, -0.000000001, -1234567.891, -0.001, 1);
insert into types_decimal values (5, 1.5, 1000000000.000000001, 1000000000, 0.1, -1, 1, 1000000000, 1.000000001, 1234567.891,
    1.5, 10000.0001);
insert into types_decimal values (6, 655.36, 123456789.123456789, 18446744073709551616, 0.000000000000000000000000123456, 5,
    100000000, -1000000000, -100000000.1, 0.000001, -0.1, 9999.9999);
insert into types_decimal (id) values (7);

-- bits -------------------------------------------------------------------------------------------

create table types_bit (id int primary key, b1 bit(1), b2 bit(2), b3 bit(3), b4 bit(4), b5 bit(5), b6 bit(6),
    b7 bit(7), b8 bit(8), b9 bit(9), b10 bit(10), b11 bit(11), b12 bit(12), b13 bit(13), b14 bit(14), b15 bit(15),
    b16 bit(16), b17 bit(17), b18 bit(18), b19 bit(19), b20 bit(20), b21 bit(21), b22 bit(22), b23 bit(23),
    b24 bit(24), b25 bit(25), b26 bit(26), b27 bit(27), b28 bit(28), b29 bit(29), b30 bit(30), b31 bit(31),
    b32 bit(32), b33 bit(33), b34 bit(34), b35 bit(35), b36 bit(36), b37 bit(37), b38 bit(38), b39 bit(39),
    b40 bit(40), b41 bit(41), b42 bit(42), b43 bit(43), b44 bit(44), b45 bit(45), b46 bit(46), b47 bit(47),
    b48 bit(48), b49 bit(49), b50 bit(50), b51 bit(51), b52 bit(52), b53 bit(53), b54 bit(54), b55 bit(55),
    b56 bit(56), b57 bit(57), b58 bit(58), b59 bit(59), b60 bit(60), b61 bit(61), b62 bit(62), b63 bit(63),
    b64 bit(64));
insert into types_bit values (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
insert into types_bit values (2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
insert into types_bit values (3, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 2047, 4095, 8191, 16383, 32767, 65535,
    131071, 262143, 524287, 1048575, 2097151, 4194303, 8388607, 16777215, 33554431, 67108863, 134217727, 268435455,
    536870911, 1073741823, 2147483647, 4294967295, 8589934591, 17179869183, 34359738367, 68719476735, 137438953471,
    274877906943, 549755813887, 1099511627775, 2199023255551, 4398046511103, 8796093022207, 17592186044415,
    35184372088831, 70368744177663, 140737488355327, 281474976710655, 562949953421311, 1125899906842623,
    2251799813685247, 4503599627370495, 9007199254740991, 18014398509481983, 36028797018963967, 72057594037927935,
    144115188075855871, 288230376151711743, 576460752303423487, 1152921504606846975, 2305843009213693951,
    4611686018427387903, 9223372036854775807, 18446744073709551615);
insert into types_bit values (4, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536,
    131072, 262144, 524288, 1048576, 2097152, 4194304, 8388608, 16777216, 33554432, 67108864, 134217728, 268435456,
    536870912, 1073741824, 2147483648, 4294967296, 8589934592, 17179869184, 34359738368, 68719476736, 137438953472,
    274877906944, 549755813888, 1099511627776, 2199023255552, 4398046511104, 8796093022208, 17592186044416,
    35184372088832, 70368744177664, 140737488355328, 281474976710656, 562949953421312, 1125899906842624,
    2251799813685248, 4503599627370496, 9007199254740992, 18014398509481984, 36028797018963968, 72057594037927936,
    144115188075855872, 288230376151711744, 576460752303423488, 1152921504606846976, 2305843009213693952,
    4611686018427387904, 9223372036854775808);
insert into types_bit values (5, 0, 0, 4, 4, 20, 52, 52, 52, 52, 564, 564, 564, 4660, 4660, 4660, 4660, 4660, 135732,
    397876, 397876, 1446452, 1446452, 1446452, 9835060, 9835060, 43389492, 110498356, 110498356, 378933812, 378933812,
    378933812, 2526417460, 6821384756, 15411319348, 32591188532, 66950926900, 66950926900, 66950926900, 66950926900,
    66950926900, 66950926900, 66950926900, 66950926900, 66950926900, 17659136971316, 52843509060148, 123212253237812,
    263949741593140, 545424718303796, 1108374671725108, 1108374671725108, 1108374671725108, 1108374671725108,
    1108374671725108, 19122773181207092, 55151570200171060, 127209164238098996, 127209164238098996,
    415439540389810740, 415439540389810740, 415439540389810740, 2721282549603504692, 2721282549603504692,
    11944654586458280500);
insert into types_bit (id) values (6);

-- dates and times --------------------------------------------------------------------------------

create table types_time (id int primary key, d date, t0 time, t1 time(1), t2 time(2), t3 time(3), t4 time(4), t5 time(5),
    t6 time(6), dt0 datetime, dt1 datetime(1), dt2 datetime(2), dt3 datetime(3), dt4 datetime(4), dt5 datetime(5),
    dt6 datetime(6), ts0 timestamp null, ts1 timestamp(1) null, ts2 timestamp(2) null, ts3 timestamp(3) null,
    ts4 timestamp(4) null, ts5 timestamp(5) null, ts6 timestamp(6) null);
insert into types_time values (1, '1970-01-01', '0:0:0', '0:0:0', '0:0:0', '0:0:0', '0:0:0', '0:0:0', '0:0:0', '1970-01-01',
    '1970-01-01', '1970-01-01', '1970-01-01', '1970-01-01', '1970-01-01', '1970-01-01', '1970-01-01 00:00:01',
    '1970-01-01 00:00:01', '1970-01-01 00:00:01', '1970-01-01 00:00:01', '1970-01-01 00:00:01', '1970-01-01 00:00:01',
    '1970-01-01 00:00:01.000001');
insert into types_time values (2, '9999-12-31', '838:59:59', '838:59:58.9', '838:59:58.99', '838:59:58.999',
    '838:59:58.9999', '838:59:58.99999', '838:59:58.999999', '9999-12-31 23:59:59', '9999-12-31 23:59:59.9',
    '9999-12-31 23:59:59.99', '9999-12-31 23:59:59.999', '9999-12-31 23:59:59.9999', '9999-12-31 23:59:59.99999',
    '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07', '2038-01-19 03:14:07.9', '2038-01-19 03:14:07.99',
    '2038-01-19 03:14:07.999', '2038-01-19 03:14:07.9999', '2038-01-19 03:14:07.99999', '2038-01-19 03:14:07.999999');
insert into types_time values (3, '1000-01-01', '-838:59:59', '-838:59:58.9', '-838:59:58.99', '-838:59:58.999',
    '-838:59:58.9999', '-838:59:58.99999', '-838:59:58.999999', '1000-01-01', '1000-01-01 00:00:00.1',
    '1000-01-01 00:00:00.01', '1000-01-01 00:00:00.001', '1000-01-01 00:00:00.0001', '1000-01-01 00:00:00.00001',
    '1000-01-01 00:00:00.000001', '2001-09-09 01:46:40', '2001-09-09 01:46:40.1', '2001-09-09 01:46:40.01',
    '2001-09-09 01:46:40.001', '2001-09-09 01:46:40.0001', '2001-09-09 01:46:40.00001', '2001-09-09 01:46:40.000001');
insert into types_time values (4, '1969-12-31', '-0:0:1', '-0:0:0.1', '-0:0:0.01', '-0:0:0.001', '-0:0:0.0001',
    '-0:0:0.00001', '-0:0:0.000001', '1969-12-31 23:59:59', '1969-12-31 23:59:59.9', '1969-12-31 23:59:59.99',
    '1969-12-31 23:59:59.999', '1969-12-31 23:59:59.9999', '1969-12-31 23:59:59.99999', '1969-12-31 23:59:59.999999',
    '2024-02-29 12:34:56', '2024-02-29 12:34:56.7', '2024-02-29 12:34:56.78', '2024-02-29 12:34:56.789',
    '2024-02-29 12:34:56.7891', '2024-02-29 12:34:56.78912', '2024-02-29 12:34:56.789123');
insert into types_time values (5, '2024-02-29', '-12:34:56', '-12:34:56.7', '-12:34:56.78', '-12:34:56.789',
    '-12:34:56.7891', '-12:34:56.78912', '-12:34:56.789123', '2024-02-29 12:34:56', '2024-02-29 12:34:56.7',
    '2024-02-29 12:34:56.78', '2024-02-29 12:34:56.789', '2024-02-29 12:34:56.7891', '2024-02-29 12:34:56.78912',
    '2024-02-29 12:34:56.789123', '2024-03-31 01:30:00', '2024-03-31 01:30:00', '2024-03-31 01:30:00',
    '2024-03-31 01:30:00', '2024-03-31 01:30:00', '2024-10-27 00:30:00', '2024-10-27 01:30:00');
insert into types_time values (6, '1900-03-01', '12:34:56', '-1:0:0.1', '1:0:0.25', '-0:1:1.001', '23:59:59.9999',
    '-255:59:59.5', '-256:0:0.5', '1900-02-28 23:59:59', '2000-01-01', '0001-01-01 00:00:00', '2100-02-28 23:59:59.5',
    '1582-10-15', '1582-10-04', '0999-12-31 23:59:59.999999', null, null, null, null, null, null, null);
insert into types_time (id) values (7);
set time_zone = 'SYSTEM';
set sql_mode = 'ALLOW_INVALID_DATES';
insert into types_time values (8, '0000-00-00', '0:0:0', '0:0:0', '0:0:0', '0:0:0', '0:0:0', '0:0:0', '0:0:0', '0000-00-00',
    '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00',
    '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00');
insert into types_time (id, d, dt0, dt6) values (9, '2024-02-31', '2024-02-31 01:02:03', '2023-02-29 04:05:06.789'),
    (10, '2024-00-00', '2024-00-00', '2024-00-00 01:02:03.5'), (11, '2024-05-00', '2024-05-00', '2024-05-00'),
    (12, '0000-05-01', '0000-05-01', '0000-05-01');
set sql_mode = default;
set time_zone = '+05:45';
insert into types_time (id, ts0, ts6, dt6) values (13, '2024-01-01 00:00:00', '2024-01-01 00:00:00.5', '2024-01-01 00:00:00.5');
set time_zone = '+00:00';

-- texts, bytes, enums ----------------------------------------------------------------------------

create table types_text (id int primary key, c10 char(10), c255 char(255), c0 char(0), v10 varchar(10), v63 varchar(63),
    v64 varchar(64), v255 varchar(255), v256_l1 varchar(256) character set latin1, v255_l1 varchar(255) character set latin1,
    tt tinytext, t text, mt mediumtext, lt longtext, t_cs text collate utf8mb4_bin);
insert into types_text values (1, '', '', '', '', '', '', '', '', '', '', '', '', '', '');
insert into types_text values (2, 'ab', 'c', '', 'v', 'plain', 'plain', 'plain', 'plain', 'plain', 'tiny', 'text', 'medium', 'long', 'Bin');
insert into types_text values (3, '😀😀😀😀😀😀😀😀😀😀', repeat('é', 255), null, '日本語日本語日本語日', repeat('😀', 63), repeat('😀', 64),
    repeat('😀', 255), repeat('é', 256), repeat('é', 255), repeat('é', 127), repeat('日本', 300), repeat('ж', 2000), '€', 'ß');
insert into types_text values (4, 'pad   ', 'pad   ', null, 'pad   ', ' lead', 'tab\tnl\ncr\rnul\0bs\\', '"quoted" ''single'' `tick` \\ / </script>',
    'x', 'x', 'null', 'NULL', '\Z\b\'\"\\', char(1, 2, 3, 127 using utf8mb4), 'true');
insert into types_text (id, t, mt, lt) values (5, repeat('a', 257), repeat('b', 300), repeat('c', 300));
insert into types_text (id, lt) values (6, concat(repeat('x', 255), '😀', unhex('E280A8EFBBBFF48FBFBF')));
insert into types_text (id) values (7);

create table types_bytes (id int primary key, b8 binary(8), b255 binary(255), b0 binary(0), vb10 varbinary(10),
    vb255 varbinary(255), vb256 varbinary(256), tb tinyblob, b blob, mb mediumblob, lb longblob);
insert into types_bytes values (1, '', '', '', '', '', '', '', '', '', '');
insert into types_bytes values (2, x'0102', x'00', null, x'0000', x'00', x'2000', x'00', x'ff00', x'0a', x'deadbeef');
insert into types_bytes values (3, x'0000000000000000', repeat(x'ff', 255), null, x'20202020202020202020', repeat(x'ab', 255),
    repeat(x'cd', 256), repeat(x'01', 255), repeat(x'02', 256), repeat(x'03', 300), repeat(x'00', 300));
insert into types_bytes values (4, x'0102030405060708', x'00ff', null, x'ff', @high, @low, x'80', concat(@low, @high), x'5c', x'27');
insert into types_bytes (id) values (5);

create table types_enum (id int primary key, e enum('a', 'b', 'é', 'x,y', 'it''s'), e_blank enum('', 'z'),
    e300 enum('l1', 'l2', 'l3', 'l4', 'l5', 'l6', 'l7', 'l8', 'l9', 'l10', 'l11', 'l12', 'l13', 'l14', 'l15', 'l16',
        'l17', 'l18', 'l19', 'l20', 'l21', 'l22', 'l23', 'l24', 'l25', 'l26', 'l27', 'l28', 'l29', 'l30', 'l31',
        'l32', 'l33', 'l34', 'l35', 'l36', 'l37', 'l38', 'l39', 'l40', 'l41', 'l42', 'l43', 'l44', 'l45', 'l46',
        'l47', 'l48', 'l49', 'l50', 'l51', 'l52', 'l53', 'l54', 'l55', 'l56', 'l57', 'l58', 'l59', 'l60', 'l61',
        'l62', 'l63', 'l64', 'l65', 'l66', 'l67', 'l68', 'l69', 'l70', 'l71', 'l72', 'l73', 'l74', 'l75', 'l76',
        'l77', 'l78', 'l79', 'l80', 'l81', 'l82', 'l83', 'l84', 'l85', 'l86', 'l87', 'l88', 'l89', 'l90', 'l91',
        'l92', 'l93', 'l94', 'l95', 'l96', 'l97', 'l98', 'l99', 'l100', 'l101', 'l102', 'l103', 'l104', 'l105',
        'l106', 'l107', 'l108', 'l109', 'l110', 'l111', 'l112', 'l113', 'l114', 'l115', 'l116', 'l117', 'l118',
        'l119', 'l120', 'l121', 'l122', 'l123', 'l124', 'l125', 'l126', 'l127', 'l128', 'l129', 'l130', 'l131',
        'l132', 'l133', 'l134', 'l135', 'l136', 'l137', 'l138', 'l139', 'l140', 'l141', 'l142', 'l143', 'l144',
        'l145', 'l146', 'l147', 'l148', 'l149', 'l150', 'l151', 'l152', 'l153', 'l154', 'l155', 'l156', 'l157',
        'l158', 'l159', 'l160', 'l161', 'l162', 'l163', 'l164', 'l165', 'l166', 'l167', 'l168', 'l169', 'l170',
        'l171', 'l172', 'l173', 'l174', 'l175', 'l176', 'l177', 'l178', 'l179', 'l180', 'l181', 'l182', 'l183',
        'l184', 'l185', 'l186', 'l187', 'l188', 'l189', 'l190', 'l191', 'l192', 'l193', 'l194', 'l195', 'l196',
        'l197', 'l198', 'l199', 'l200', 'l201', 'l202', 'l203', 'l204', 'l205', 'l206', 'l207', 'l208', 'l209',
        'l210', 'l211', 'l212', 'l213', 'l214', 'l215', 'l216', 'l217', 'l218', 'l219', 'l220', 'l221', 'l222',
        'l223', 'l224', 'l225', 'l226', 'l227', 'l228', 'l229', 'l230', 'l231', 'l232', 'l233', 'l234', 'l235',
        'l236', 'l237', 'l238', 'l239', 'l240', 'l241', 'l242', 'l243', 'l244', 'l245', 'l246', 'l247', 'l248',
        'l249', 'l250', 'l251', 'l252', 'l253', 'l254', 'l255', 'l256', 'l257', 'l258', 'l259', 'l260', 'l261',
        'l262', 'l263', 'l264', 'l265', 'l266', 'l267', 'l268', 'l269', 'l270', 'l271', 'l272', 'l273', 'l274',
        'l275', 'l276', 'l277', 'l278', 'l279', 'l280', 'l281', 'l282', 'l283', 'l284', 'l285', 'l286', 'l287',
        'l288', 'l289', 'l290', 'l291', 'l292', 'l293', 'l294', 'l295', 'l296', 'l297', 'l298', 'l299', 'l300'),
    s set('a', 'b', 'é', 'x y'), s1 set('only'),
    s8 set('1', '2', '3', '4', '5', '6', '7', '8'),
    s9 set('1', '2', '3', '4', '5', '6', '7', '8', '9'),
    s16 set('1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14', '15', '16'),
    s17 set('1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14', '15', '16', '17'),
    s24 set('1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14', '15', '16', '17', '18', '19',
        '20', '21', '22', '23', '24'),
    s25 set('1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14', '15', '16', '17', '18', '19',
        '20', '21', '22', '23', '24', '25'),
    s32 set('1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14', '15', '16', '17', '18', '19',
        '20', '21', '22', '23', '24', '25', '26', '27', '28', '29', '30', '31', '32'),
    s33 set('1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14', '15', '16', '17', '18', '19',
        '20', '21', '22', '23', '24', '25', '26', '27', '28', '29', '30', '31', '32', '33'),
    s63 set('1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14', '15', '16', '17', '18', '19',
        '20', '21', '22', '23', '24', '25', '26', '27', '28', '29', '30', '31', '32', '33', '34', '35', '36', '37',
        '38', '39', '40', '41', '42', '43', '44', '45', '46', '47', '48', '49', '50', '51', '52', '53', '54', '55',
        '56', '57', '58', '59', '60', '61', '62', '63'),
    s64 set('1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14', '15', '16', '17', '18', '19',
        '20', '21', '22', '23', '24', '25', '26', '27', '28', '29', '30', '31', '32', '33', '34', '35', '36', '37',
        '38', '39', '40', '41', '42', '43', '44', '45', '46', '47', '48', '49', '50', '51', '52', '53', '54', '55',
        '56', '57', '58', '59', '60', '61', '62', '63', '64'));
insert into types_enum values (1, 'a', '', 'l1', '', 'only', 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
insert into types_enum values (2, 'é', 'z', 'l255', 'a,é', '', 255, 511, 65535, 131071, 16777215, 33554431, 4294967295,
    8589934591, 9223372036854775807, 18446744073709551615);
insert into types_enum values (3, 'x,y', 'z', 'l256', 'x y', 'only', 128, 256, 32768, 65536, 8388608, 16777216, 2147483648,
    4294967296, 4611686018427387904, 9223372036854775808);
insert into types_enum values (4, 'it''s', '', 'l300', 'a,b,é,x y', 'only', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
set sql_mode = '';                   -- a value that is none of the labels is index 0
insert into types_enum (id, e, e_blank, e300, s) values (5, 'none', 'none', 0, 'none');
set sql_mode = default;
insert into types_enum (id) values (6);

-- character sets ---------------------------------------------------------------------------------

create table charsets (id int primary key, `ascii` varchar(130) character set ascii,
    armscii8 varchar(130) character set armscii8, cp1250 varchar(130) character set cp1250,
    cp1251 varchar(130) character set cp1251, cp1256 varchar(130) character set cp1256,
    cp1257 varchar(130) character set cp1257, cp850 varchar(130) character set cp850,
    cp852 varchar(130) character set cp852, cp866 varchar(130) character set cp866,
    dec8 varchar(130) character set dec8, geostd8 varchar(130) character set geostd8,
    greek varchar(130) character set greek, hebrew varchar(130) character set hebrew,
    hp8 varchar(130) character set hp8, keybcs2 varchar(130) character set keybcs2,
    koi8r varchar(130) character set koi8r, koi8u varchar(130) character set koi8u,
    latin1 varchar(130) character set latin1, latin2 varchar(130) character set latin2,
    latin5 varchar(130) character set latin5, latin7 varchar(130) character set latin7,
    macce varchar(130) character set macce, macroman varchar(130) character set macroman,
    swe7 varchar(130) character set swe7, tis620 varchar(130) character set tis620,
    big5 varchar(130) character set big5, cp932 varchar(130) character set cp932,
    eucjpms varchar(130) character set eucjpms, euckr varchar(130) character set euckr,
    gb2312 varchar(130) character set gb2312, gbk varchar(130) character set gbk,
    sjis varchar(130) character set sjis, ujis varchar(130) character set ujis,
    ucs2 varchar(130) character set ucs2, utf16 varchar(130) character set utf16,
    utf16le varchar(130) character set utf16le, utf32 varchar(130) character set utf32,
    utf8mb3 varchar(130) character set utf8mb3, utf8mb4 varchar(130) character set utf8mb4);
-- rows 1 and 2: all bytes of the sets of single bytes, those without a character too; row 3: some words in each
insert into charsets (id, `ascii`, armscii8, cp1250, cp1251, cp1256, cp1257, cp850, cp852, cp866, dec8, geostd8,
    greek, hebrew, hp8, keybcs2, koi8r, koi8u, latin1, latin2, latin5, latin7, macce, macroman, swe7, tis620, big5,
    cp932, eucjpms, euckr, gb2312, gbk, sjis, ujis, utf8mb3, utf8mb4)
    values (1, @low, @low, @low, @low, @low, @low, @low, @low, @low, @low, @low, @low, @low, @low, @low, @low, @low,
    @low, @low, @low, @low, @low, @low, @low, @low, @low, @low, @low, @low, @low, @low, @low, @low, @low, @low);
insert into charsets (id, armscii8, cp1250, cp1251, cp1256, cp1257, cp850, cp852, cp866, dec8, geostd8, greek,
    hebrew, hp8, keybcs2, koi8r, koi8u, latin1, latin2, latin5, latin7, macce, macroman, swe7, tis620)
    values (2, @high, @high, @high, @high, @high, @high, @high, @high, @high, @high, @high, @high, @high, @high,
    @high, @high, @high, @high, @high, @high, @high, @high, @high, @high);
insert into charsets (id, armscii8, cp1250, cp1251, cp1256, cp1257, cp850, cp852, cp866, dec8, geostd8, greek,
    hebrew, hp8, keybcs2, koi8r, koi8u, latin1, latin2, latin5, latin7, macce, macroman, swe7, tis620, big5, cp932,
    eucjpms, euckr, gb2312, gbk, sjis, ujis, ucs2, utf16, utf16le, utf32, utf8mb3, utf8mb4)
    values (3, 'Հայերեն', 'Příliš žluťoučký kůň €', 'Съешь ещё ґєї €', 'العربية پچ €', 'Žąsų ėjimas €',
    'Ærøskøbing ½ ░', 'Łódź žluť', 'Съешь ещё ╬', 'Œuvre ÿ', 'ქართული', 'Ωμέγα άλφα', 'שלום עולם', 'Ærø ŠšŸ',
    'Příliš žluťoučký', 'Съешь ещё ┼', 'Ґанок їжак є', 'naïve € œ Ÿ ß', 'Łódź žluť', 'İstanbul ığş', 'Žąsų ėjimas',
    'Příliš Łódź', 'naïve œ ∞ π', 'Åäö Éü', 'ภาษาไทย', '功許蓋 中文', 'ソ表能 ①㈱～ 髙 ｶﾅ', 'ソ表能 ①㈱～', '한국어 가각 똠', '中文汉字',
    '誠乗 中文', 'ソ表能 ｶﾅ', 'ソ表能 丂 ｶﾅ', 'ж 日本 ‱', 'ж 日本 😀', 'ж 日本 😀', 'ж 日本 😀', 'ж 日本 ‱', 'ж 日本 😀');
insert into charsets (id) values (4);

create table charset_kinds (id int primary key, c_ucs2 char(10) character set ucs2, c_utf32 char(63) character set utf32,
    c_gbk char(5) character set gbk, t_sjis text character set sjis, t_utf16 mediumtext character set utf16,
    e_latin1 enum('é', 'ß', 'x') character set latin1, s_cp1251 set('ж', 'я', 'z') character set cp1251,
    e_gbk enum('中', '誠', '文') character set gbk, s_ucs2 set('ж', 'y') character set ucs2,
    v_bin varchar(20) character set latin1 collate latin1_bin, v_plain varchar(20)) character set latin2;
insert into charset_kinds values (1, 'ж日', 'ж😀', '誠乗', 'ソ表能', '😀', 'é', 'ж,z', '誠', 'ж,y', 'é', 'Łódź');
insert into charset_kinds values (2, '', '', '', '', '', 3, 0, 1, 0, '', '');
insert into charset_kinds values (3, 'x  ', 'y  ', 'z  ', ' ', ' ', 'ß', 'я', '文', 'y', ' ', ' ');
insert into charset_kinds (id) values (4);

set names latin1;                    -- the text of a statement is in the client's set: bytes of latin1 from here
create table client_latin1 (id int primary key comment 'x', v varchar(10));
insert into client_latin1 values (1, _latin1 x'e9');
set names utf8mb4;

-- a table of many columns, and one of names ------------------------------------------------------

create table wide (id int primary key, c1 tinyint, c2 tinyint, c3 tinyint, c4 tinyint, c5 tinyint, c6 tinyint,
    c7 tinyint, c8 tinyint, c9 tinyint, c10 tinyint, c11 tinyint, c12 tinyint, c13 tinyint, c14 tinyint, c15 tinyint,
    c16 tinyint, c17 tinyint, c18 tinyint, c19 tinyint, c20 tinyint, c21 tinyint, c22 tinyint, c23 tinyint,
    c24 tinyint, c25 tinyint, c26 tinyint, c27 tinyint, c28 tinyint, c29 tinyint, c30 tinyint, c31 tinyint,
    c32 tinyint, c33 tinyint, c34 tinyint, c35 tinyint, c36 tinyint, c37 tinyint, c38 tinyint, c39 tinyint,
    c40 tinyint, c41 tinyint, c42 tinyint, c43 tinyint, c44 tinyint, c45 tinyint, c46 tinyint, c47 tinyint,
    c48 tinyint, c49 tinyint, c50 tinyint, c51 tinyint, c52 tinyint, c53 tinyint, c54 tinyint, c55 tinyint,
    c56 tinyint, c57 tinyint, c58 tinyint, c59 tinyint, c60 tinyint, c61 tinyint, c62 tinyint, c63 tinyint,
    c64 tinyint, c65 tinyint, c66 tinyint, c67 tinyint, c68 tinyint, c69 tinyint, c70 tinyint, c71 tinyint,
    c72 tinyint, c73 tinyint, c74 tinyint, c75 tinyint, c76 tinyint, c77 tinyint, c78 tinyint, c79 tinyint,
    c80 tinyint, c81 tinyint, c82 tinyint, c83 tinyint, c84 tinyint, c85 tinyint, c86 tinyint, c87 tinyint,
    c88 tinyint, c89 tinyint, c90 tinyint, c91 tinyint, c92 tinyint, c93 tinyint, c94 tinyint, c95 tinyint,
    c96 tinyint, c97 tinyint, c98 tinyint, c99 tinyint, c100 tinyint, c101 tinyint, c102 tinyint, c103 tinyint,
    c104 tinyint, c105 tinyint, c106 tinyint, c107 tinyint, c108 tinyint, c109 tinyint, c110 tinyint, c111 tinyint,
    c112 tinyint, c113 tinyint, c114 tinyint, c115 tinyint, c116 tinyint, c117 tinyint, c118 tinyint, c119 tinyint,
    c120 tinyint, c121 tinyint, c122 tinyint, c123 tinyint, c124 tinyint, c125 tinyint, c126 tinyint, c127 tinyint,
    c128 tinyint, c129 tinyint, c130 tinyint, c131 tinyint, c132 tinyint, c133 tinyint, c134 tinyint, c135 tinyint,
    c136 tinyint, c137 tinyint, c138 tinyint, c139 tinyint, c140 tinyint, c141 tinyint, c142 tinyint, c143 tinyint,
    c144 tinyint, c145 tinyint, c146 tinyint, c147 tinyint, c148 tinyint, c149 tinyint, c150 tinyint, c151 tinyint,
    c152 tinyint, c153 tinyint, c154 tinyint, c155 tinyint, c156 tinyint, c157 tinyint, c158 tinyint, c159 tinyint,
    c160 tinyint, c161 tinyint, c162 tinyint, c163 tinyint, c164 tinyint, c165 tinyint, c166 tinyint, c167 tinyint,
    c168 tinyint, c169 tinyint, c170 tinyint, c171 tinyint, c172 tinyint, c173 tinyint, c174 tinyint, c175 tinyint,
    c176 tinyint, c177 tinyint, c178 tinyint, c179 tinyint, c180 tinyint, c181 tinyint, c182 tinyint, c183 tinyint,
    c184 tinyint, c185 tinyint, c186 tinyint, c187 tinyint, c188 tinyint, c189 tinyint, c190 tinyint, c191 tinyint,
    c192 tinyint, c193 tinyint, c194 tinyint, c195 tinyint, c196 tinyint, c197 tinyint, c198 tinyint, c199 tinyint,
    c200 tinyint, c201 tinyint, c202 tinyint, c203 tinyint, c204 tinyint, c205 tinyint, c206 tinyint, c207 tinyint,
    c208 tinyint, c209 tinyint, c210 tinyint, c211 tinyint, c212 tinyint, c213 tinyint, c214 tinyint, c215 tinyint,
    c216 tinyint, c217 tinyint, c218 tinyint, c219 tinyint, c220 tinyint, c221 tinyint, c222 tinyint, c223 tinyint,
    c224 tinyint, c225 tinyint, c226 tinyint, c227 tinyint, c228 tinyint, c229 tinyint, c230 tinyint, c231 tinyint,
    c232 tinyint, c233 tinyint, c234 tinyint, c235 tinyint, c236 tinyint, c237 tinyint, c238 tinyint, c239 tinyint,
    c240 tinyint, c241 tinyint, c242 tinyint, c243 tinyint, c244 tinyint, c245 tinyint, c246 tinyint, c247 tinyint,
    c248 tinyint, c249 tinyint, c250 tinyint, c251 tinyint, c252 tinyint, c253 tinyint, c254 tinyint, c255 tinyint,
    c256 tinyint, c257 tinyint, c258 tinyint, c259 tinyint, c260 tinyint, c261 tinyint, c262 tinyint, c263 tinyint,
    c264 tinyint, c265 tinyint, c266 tinyint, c267 tinyint, c268 tinyint, c269 tinyint, c270 tinyint, c271 tinyint,
    c272 tinyint, c273 tinyint, c274 tinyint, c275 tinyint, c276 tinyint, c277 tinyint, c278 tinyint, c279 tinyint,
    c280 tinyint, c281 tinyint, c282 tinyint, c283 tinyint, c284 tinyint, c285 tinyint, c286 tinyint, c287 tinyint,
    c288 tinyint, c289 tinyint, c290 tinyint, c291 tinyint, c292 tinyint, c293 tinyint, c294 tinyint, c295 tinyint,
    c296 tinyint, c297 tinyint, c298 tinyint, c299 tinyint, c300 tinyint);
insert into wide (id, c1, c150, c300) values (1, 1, -1, 127);
insert into wide (id) values (2);
update wide set c299 = 5, c8 = null where id = 2;
insert into wide (id, c7, c8, c9, c15, c16, c17) values (3, 7, 8, 9, 15, 16, 17);
delete from wide where id = 3;

create table `odd "näme" 'q' ж` (`ключ` varchar(10) primary key, `a"b` int, `c.d` int, `e'f` int, `g\h` int, `sp ace` int,
    `back``tick` int, `select` int);
insert into `odd "näme" 'q' ж` values ('κ', 1, 2, 3, 4, 5, 6, 7);
update `odd "näme" 'q' ж` set `ключ` = 'λ', `back``tick` = null;
create database `other-dätabase`;
create table `other-dätabase`.t (id int primary key);
insert into `other-dätabase`.t values (1);
insert into golden.types_int (id) select id + 100 from `other-dätabase`.t;

-- keys -------------------------------------------------------------------------------------------

create table key_none (a int, b varchar(10), c text);
insert into key_none values (1, 'same', 'x'), (1, 'same', 'x'), (null, null, null), (2, 'other', 'y');
update key_none set c = 'changed' where a = 1 limit 1;
delete from key_none where a is null;
update key_none set a = a + 10;

create table key_unique (u int not null unique, v varchar(10), w blob);
insert into key_unique values (1, 'one', 'w1'), (2, 'two', 'w2');
update key_unique set v = 'uno' where u = 1;
update key_unique set u = 3 where u = 2;
delete from key_unique where u = 1;

create table key_prefix (t text, n int, v varchar(50), w blob, primary key (t(5), n, v(3)));
insert into key_prefix values ('abcdefgh', 1, 'vvvvvv', 'w'), ('ijklmnop', 2, 'uuuuuu', 'x');
update key_prefix set t = 'abcdeXYZ', w = null where n = 1;
update key_prefix set n = 20 where n = 2;

create table key_composite (a int, b varchar(10), c int, d text, primary key (b, a));
insert into key_composite values (1, 'b1', 100, 'd'), (2, 'b1', 200, 'd'), (3, 'b2', 300, null);
update key_composite set c = c + 1;
update key_composite set a = a + 10 where b = 'b1';
update key_composite set b = 'b3' where a = 3;
delete from key_composite where a = 12;

create table key_change (id int primary key, v varchar(20), w blob);
insert into key_change values (1, 'one', 'w'), (2, 'two', 'w'), (3, 'three', null);
update key_change set id = id + 10 order by id desc;
update key_change set id = 1, v = 'back' where id = 11;
begin;
delete from key_change where id = 1;
insert into key_change values (1, 'again', 'w');
update key_change set id = 99 where id = 1;
update key_change set id = 1 where id = 99;
commit;
replace into key_change values (1, 'replaced', null), (4, 'new', 'w');
insert into key_change values (4, 'x', null), (5, 'five', 'w') on duplicate key update v = concat(v, '!');
insert ignore into key_change values (4, 'ignored', null), (6, 'six', null);
-- @fails 1062
insert into key_change values (7, 'seven', null), (4, 'twice', null);
update key_change set v = v;

-- statements of many rows ------------------------------------------------------------------------

create table many (id int primary key auto_increment, v varchar(40), n int);
insert into many (v, n) values ('row 1', 1), ('row 2', 2), ('row 3', 3), ('row 4', 4), ('row 5', 5);
insert into many (v, n) select concat(a.v, ' and ', b.v), a.n * 10 + b.n from many a, many b;
insert into many (v, n) select repeat(char(97 + id % 26), 30), id from many;
update many set n = n + 1 where id % 2 = 0;
delete from many where id % 7 = 0;
create table many_other (id int primary key, many_id int);
insert into many_other select id, id from many where id < 10;
update many m join many_other o on o.many_id = m.id set m.v = 'joined', o.many_id = -o.many_id;
delete m, o from many m join many_other o on o.id = m.id where m.id < 4;

create table watched (id int primary key, n int);
create table watch_log (seq int primary key auto_increment, what varchar(20), n int);
create trigger watched_up before update on watched for each row insert into watch_log (what, n) values ('before', new.n);
create trigger watched_in after insert on watched for each row insert into watch_log (what, n) values ('insert', new.n);
insert into watched values (1, 10), (2, 20);
update watched set n = n + 1;

-- foreign keys -----------------------------------------------------------------------------------

create table fk_parent (id int primary key, v int);
create table fk_child (id int primary key, parent int, foreign key (parent) references fk_parent (id)
    on delete cascade on update cascade);
create table fk_null (id int primary key, parent int, foreign key (parent) references fk_parent (id) on delete set null);
insert into fk_parent values (1, 1), (2, 2), (3, 3);
insert into fk_child values (10, 1), (11, 1), (20, 2), (30, 3);
insert into fk_null values (100, 1), (200, 2), (300, null);
update fk_parent set v = 11 where id = 1;
update fk_parent set id = 33 where id = 3;
delete from fk_parent where id = 1;
set foreign_key_checks = 0;
insert into fk_child values (40, 4);
set foreign_key_checks = 1;

-- generated and invisible columns, partitions, other engines -------------------------------------

create table computed (id int primary key, a int, g int generated always as (a * 2) virtual,
    s varchar(20) generated always as (concat('s', a)) stored, b int, key (g));
insert into computed (id, a, b) values (1, 10, 1), (2, null, 2);
update computed set a = 11 where id = 1;
update computed set b = 3 where id = 2;
delete from computed where id = 2;

create table hidden_columns (id int primary key, a int, hidden int invisible, b int, hidden_default int invisible default 7);
insert into hidden_columns (id, a, b) values (1, 1, 1);
insert into hidden_columns (id, a, hidden, b, hidden_default) values (2, 2, 22, 2, null);
update hidden_columns set hidden = 33 where id = 1;

create table parted (id int, region int, v varchar(10), primary key (id, region)) partition by range (region)
    (partition p0 values less than (10), partition p1 values less than (20), partition p2 values less than maxvalue);
insert into parted values (1, 1, 'a'), (2, 15, 'b'), (3, 30, 'c');
update parted set region = 25 where id = 1;
update parted set v = 'd';
alter table parted truncate partition p1;
delete from parted where id = 3;

create table isam (id int primary key, v varchar(10)) engine = myisam;
insert into isam values (1, 'a'), (2, 'b');
update isam set v = 'c' where id = 1;
create table memory_table (id int primary key, v varchar(10)) engine = memory;
insert into memory_table values (1, 'm');

-- definitions between rows -----------------------------------------------------------------------

create table ddl (id int primary key, a int, b varchar(10));
insert into ddl values (1, 1, 'b');
alter table ddl add column c varchar(10) not null default 'c' first, add column d decimal(6, 2) after id;
insert into ddl (id, d, a, b, c) values (2, 1.5, 2, 'b', 'see');
alter table ddl drop column b;
insert into ddl (id, d, a, c) values (3, -1.5, 3, 'c3');
update ddl set a = 11 where id = 1;
alter table ddl change a `renamed A` bigint unsigned;
insert into ddl values ('c4', 4, null, 18446744073709551615);
alter table ddl modify `renamed A` varchar(30);
insert into ddl values ('c5', 5, 0, 'five');
alter table ddl modify d decimal(8, 3) default 7, add column e enum('x', 'y');
insert into ddl (id, c, e) values (6, 'c6', 'y');
alter table ddl modify e enum('y', 'x', 'z');
insert into ddl (id, c, e) values (7, 'c7', 'y');
alter table ddl convert to character set latin1;
insert into ddl (id, c) values (8, 'é');
/* a comment before */ alter table golden.ddl /*!40000 comment 'remarked' */ ; 
rename table ddl to ddl_renamed;
insert into ddl_renamed (id, c) values (9, 'c9');
alter table ddl_renamed drop primary key;
update ddl_renamed set c = 'no key' where id = 1;
alter table ddl_renamed add primary key (id);
delete from ddl_renamed where id = 3;

create table swap_a (id int primary key, a varchar(10));
create table swap_b (id int primary key, b int);
insert into swap_a values (1, 'first a');
insert into swap_b values (1, 1);
rename table swap_a to swap_tmp, swap_b to swap_a, swap_tmp to swap_b;
insert into swap_a values (2, 2);
insert into swap_b values (2, 'second a');

create table like_ddl like ddl_renamed;
insert into like_ddl (id, c) values (1, 'like');
create table selected as select id, c, d from ddl_renamed;
insert into selected values (100, 'x', 1);
create table selected_key (id int primary key, extra int default 5) select id, c from ddl_renamed;
create temporary table temporary_one (id int);
insert into temporary_one values (1);
create temporary table temporary_two select * from ddl_renamed;
drop temporary table temporary_one;

create table emptied (id int primary key auto_increment, v varchar(10));
insert into emptied (v) values ('a'), ('b');
truncate table emptied;
insert into emptied (v) values ('c');
truncate emptied;
insert into emptied (v) values ('d');
drop table emptied;
create table emptied (v varchar(10), id int primary key);
insert into emptied values ('other', 1);
drop table if exists emptied_not_there;
create table if not exists emptied (x int);
create view looked as select * from emptied;
drop view looked;
create index by_v on emptied (v);
analyze table emptied;
create procedure put_two(in base int) begin insert into emptied values ('p', base); insert into emptied values ('q', base + 1); end;
call put_two(50);
drop procedure put_two;

-- transactions -----------------------------------------------------------------------------------

create table tx (id int primary key, v varchar(50));
begin;
insert into tx values (1, 'one');
update tx set v = 'uno' where id = 1;
insert into tx values (2, 'two');
delete from tx where id = 2;
insert into tx values (2, 'two again');
commit;
begin;
insert into tx values (1000, 'never seen');
rollback;
begin;
insert into tx values (3, 'before');
savepoint a;
insert into tx values (1001, 'never seen');
savepoint b;
insert into tx values (1002, 'never seen');
rollback to savepoint a;
insert into tx values (4, 'after');
savepoint c;
insert into tx values (5, 'released');
release savepoint c;
commit;
begin;
commit;
begin;
update tx set v = v;
commit;
begin;
insert into tx values (6, 'two sessions');
-- @session b
begin;
insert into tx values (7, 'the other one');
commit;
-- @session a
update tx set v = 'later' where id = 6;
commit;
start transaction read only;
select count(*) from tx;
commit;
set autocommit = 0;
insert into tx values (8, 'autocommit off');
commit;
insert into tx values (9, 'committed by a definition');
create table tx_implicit (id int);
set autocommit = 1;

-- XA ---------------------------------------------------------------------------------------------

-- @session x1
xa start 'one-phase';
insert into tx values (20, 'xa one phase');
xa end 'one-phase';
xa commit 'one-phase' one phase;
xa start 'given-up', 'branch', 7;
insert into tx values (1020, 'never seen');
xa end 'given-up', 'branch', 7;
xa prepare 'given-up', 'branch', 7;
xa rollback 'given-up', 'branch', 7;
xa start 'kept', 'branch', 7;
insert into tx values (21, 'xa prepared'), (22, 'xa prepared');
update tx set v = 'xa changed' where id = 22;
xa end 'kept', 'branch', 7;
xa prepare 'kept', 'branch', 7;
-- @session a
insert into tx values (23, 'between');
-- @session x2
xa start x'00ff27', x'0a', 1;
insert into tx values (24, 'xa of bytes');
xa end x'00ff27', x'0a', 1;
xa prepare x'00ff27', x'0a', 1;
-- @session x1
xa commit 'kept', 'branch', 7;
-- @session x2
xa commit x'00ff27', x'0a', 1;
-- @session x3
xa start 'next-file';
insert into tx values (25, 'prepared in one file, committed in the next');
xa end 'next-file';
xa prepare 'next-file';
-- @session x4
xa start 'not-prepared';
insert into tx values (1021, 'never seen');
xa end 'not-prepared';
xa rollback 'not-prepared';
-- @session a

-- less of a row ----------------------------------------------------------------------------------

create table images (id int primary key, a int default 5, b varchar(20), t text, bl blob);
insert into images values (1, 1, 'one', 'text', 'blob'), (2, 2, 'two', 'text', 'blob');
set session binlog_row_image = 'minimal';
insert into images (id, b) values (3, 'three');
update images set a = 10 where id = 1;
update images set id = 20 where id = 2;
update images set t = 'changed', b = null where id = 20;
delete from images where id = 3;
update key_none set c = 'minimal' where a = 12;
insert into key_none (b) values ('minimal');
update key_unique set v = 'minimal';
update computed set a = 12;
set session binlog_row_image = 'noblob';
insert into images (id, t) values (4, 'noblob');
update images set a = 11 where id = 1;
update images set bl = 'changed' where id = 1;
update images set id = 5 where id = 4;
delete from images where id = 5;
update key_unique set v = 'noblob';
set session binlog_row_image = default;

