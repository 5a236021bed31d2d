CREATE TABLE deliveries (
	seq INTEGER NOT NULL,
	id VARCHAR(36) NOT NULL,
	request_seq INTEGER NOT NULL,
	request_id VARCHAR(36) NOT NULL,
	kind VARCHAR(7) NOT NULL,
	target TEXT NOT NULL,
	state VARCHAR(9) NOT NULL,
	attempts INTEGER DEFAULT '0' NOT NULL,
	fence INTEGER DEFAULT '0' NOT NULL,
	holder TEXT,
	claim INTEGER,
	due_at DOUBLE,
	last_answer TEXT,
	PRIMARY KEY (seq),
	UNIQUE (id)
);

CREATE TABLE memory (
	"key" VARCHAR(64) NOT NULL,
	value TEXT NOT NULL,
	expires_at DOUBLE NOT NULL,
	PRIMARY KEY ("key")
);

CREATE TABLE products (
	id INTEGER NOT NULL,
	request_seq INTEGER NOT NULL,
	request_id VARCHAR(36) NOT NULL,
	"row" INTEGER NOT NULL,
	place INTEGER NOT NULL,
	serial TEXT NOT NULL,
	product_name TEXT NOT NULL,
	input_urls TEXT NOT NULL,
	output_urls TEXT,
	results TEXT,
	state VARCHAR(9) NOT NULL,
	holder TEXT,
	claim INTEGER,
	due_at DOUBLE,
	fence INTEGER DEFAULT '0' NOT NULL,
	lost INTEGER DEFAULT '0' NOT NULL,
	round INTEGER DEFAULT '0' NOT NULL,
	done_images INTEGER DEFAULT '0' NOT NULL,
	failed_images INTEGER DEFAULT '0' NOT NULL,
	failed_in_round INTEGER DEFAULT '0' NOT NULL,
	bytes_in INTEGER DEFAULT '0' NOT NULL,
	bytes_out INTEGER DEFAULT '0' NOT NULL,
	PRIMARY KEY (id)
);

CREATE TABLE requests (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	id VARCHAR(36) NOT NULL,
	stage VARCHAR(9) NOT NULL,
	status VARCHAR(10) NOT NULL,
	round INTEGER DEFAULT '0' NOT NULL,
	owner TEXT NOT NULL,
	filename TEXT NOT NULL,
	folder TEXT NOT NULL,
	secret TEXT NOT NULL,
	options TEXT NOT NULL,
	sheet TEXT NOT NULL,
	base_url TEXT NOT NULL,
	email TEXT,
	webhook_url TEXT,
	idempotency_key TEXT,
	fingerprint TEXT,
	total_images INTEGER DEFAULT '0' NOT NULL,
	done_images INTEGER DEFAULT '0' NOT NULL,
	failed_images INTEGER DEFAULT '0' NOT NULL,
	total_rows INTEGER DEFAULT '0' NOT NULL,
	failed_rows INTEGER DEFAULT '0' NOT NULL,
	bytes_in INTEGER DEFAULT '0' NOT NULL,
	bytes_out INTEGER DEFAULT '0' NOT NULL,
	repairs TEXT,
	input_key TEXT,
	output_key TEXT,
	failed_key TEXT,
	created_at DOUBLE NOT NULL,
	completed_at DOUBLE,
	open_products INTEGER DEFAULT '0' NOT NULL,
	retryable INTEGER DEFAULT '0' NOT NULL,
	fed INTEGER DEFAULT '0' NOT NULL,
	feed_at INTEGER DEFAULT '0' NOT NULL,
	UNIQUE (id)
);

CREATE TABLE secrets (
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (name)
);

CREATE INDEX deliveries_due ON deliveries (due_at) WHERE state = 'due';

CREATE INDEX deliveries_leased ON deliveries (holder, due_at) WHERE state = 'leased';

CREATE INDEX deliveries_of_request ON deliveries (request_seq);

CREATE INDEX memory_expiring ON memory (expires_at);

CREATE INDEX products_failures ON products (request_seq, "row") WHERE failed_images > 0;

CREATE INDEX products_fair ON products (place, request_seq) WHERE state = 'ready';

CREATE INDEX products_feedable ON products (request_seq, place) WHERE (state = 'held' OR state = 'failed' OR state = 'cancelled');

CREATE INDEX products_leased ON products (holder, due_at, request_seq) WHERE state = 'leased';

CREATE INDEX products_oldest ON products (request_seq, place) WHERE state = 'ready';

CREATE INDEX products_waiting ON products (due_at, request_seq) WHERE state = 'waiting';

CREATE INDEX requests_completed ON requests (stage, completed_at);

CREATE INDEX requests_finishable ON requests (seq) WHERE stage = 'published' AND completed_at IS NULL AND open_products = 0;

CREATE INDEX requests_listed ON requests (stage, seq);

CREATE INDEX requests_of_owner ON requests (owner, seq) WHERE stage = 'published';

CREATE INDEX requests_status ON requests (stage, status);

CREATE INDEX requests_unfinished ON requests (owner, open_products) WHERE stage = 'published' AND completed_at IS NULL;

CREATE INDEX requests_unpublished ON requests (stage, created_at) WHERE stage <> 'published';

CREATE UNIQUE INDEX products_row ON products (request_seq, "row");

CREATE UNIQUE INDEX requests_key ON requests (owner, idempotency_key) WHERE stage = 'published' AND idempotency_key IS NOT NULL;

CREATE VIEW image_requests AS SELECT p.id, r.id AS request_id, r.status, p.product_name, p.input_urls, p.output_urls, r.webhook_url FROM requests r JOIN products p ON p.request_seq = r.seq WHERE r.stage = 'published';
