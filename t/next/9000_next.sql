-- Stands for the migration of a later version. Only the programs in build/next have it.
CREATE TABLE next_version (id bigint PRIMARY KEY);
