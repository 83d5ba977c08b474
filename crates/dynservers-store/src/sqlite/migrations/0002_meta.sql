-- Values that a program keeps with a server; NULL if there are none.
ALTER TABLE dynamic_servers ADD COLUMN meta TEXT AS (record -> '$.meta');
