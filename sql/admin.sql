-- Run once by MariaDB's administrator: the schema, and the one login that may change it. `gaejang migrate` does the rest.
-- On a database of your own: sudo mariadb < sql/admin.sql. Another schema name: change it here and in [database] name.
CREATE DATABASE IF NOT EXISTS gaejang CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Locked until it is given a password.
CREATE USER IF NOT EXISTS gj_migrate@localhost ACCOUNT LOCK;
GRANT ALL PRIVILEGES ON gaejang.* TO gj_migrate@localhost WITH GRANT OPTION;
-- It makes the programs' logins.
GRANT CREATE USER ON *.* TO gj_migrate@localhost;
