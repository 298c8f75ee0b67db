-- name: migration_all   used by: migrate   in: room
-- Every version that was applied, oldest first.
SELECT version FROM schema_migrations ORDER BY version LIMIT ?;

-- name: migration_add   used by: migrate   in: version
INSERT INTO schema_migrations (version) VALUES (?);

-- name: stated_set   used by: migrate   in: file, digest, digest
-- The file was stated just now, with this content.
INSERT INTO schema_stated (file, digest) VALUES (?, ?) ON DUPLICATE KEY UPDATE digest = ?;

-- name: stated_find   used by: migrate   in: file
SELECT digest FROM schema_stated WHERE file = ? LIMIT 1;
