"""The outbox: what must reach a person, its attempts, and the address of a person."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = r"""
ALTER TABLE person ADD email text,
  ADD CONSTRAINT ck_person_email
    CHECK (email ~ '^[!-?A-~]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+$' AND length(email) <= 254);
ALTER TABLE account_change ADD email text;
ALTER TABLE account_change DROP CONSTRAINT ck_account_change_change,
  ADD CONSTRAINT ck_account_change_change CHECK (change IN ('new account', 'other roles', 'other sites', 'new password',
    'second factor taken back', 'unlocked', 'other address'));

CREATE TABLE outbox (
  id bigserial NOT NULL,
  act_id bigint NOT NULL,
  person_id bigint NOT NULL,
  channel text NOT NULL,
  address text NOT NULL,
  template text NOT NULL,
  "values" jsonb NOT NULL,
  message_id text NOT NULL,
  made_at timestamptz DEFAULT now() NOT NULL,
  due_at timestamptz DEFAULT now() NOT NULL,
  leased_until timestamptz,
  sent_at timestamptz,
  given_up_at timestamptz,
  CONSTRAINT pk_outbox PRIMARY KEY (id),
  CONSTRAINT uq_outbox_message_id UNIQUE (message_id),
  CONSTRAINT fk_outbox_act_id FOREIGN KEY(act_id) REFERENCES act (id),
  CONSTRAINT fk_outbox_person_id FOREIGN KEY(person_id) REFERENCES person (id),
  CONSTRAINT ck_outbox_channel CHECK (channel IN ('email')),
  CONSTRAINT ck_outbox_sent_or_given_up CHECK (sent_at IS NULL OR given_up_at IS NULL)
);
CREATE INDEX ix_outbox_due ON outbox (due_at) WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX ix_outbox_given_up ON outbox (given_up_at) WHERE given_up_at IS NOT NULL;

CREATE TABLE outbox_attempt (
  id bigserial NOT NULL,
  outbox_id bigint NOT NULL,
  at timestamptz DEFAULT clock_timestamp() NOT NULL,
  outcome text NOT NULL,
  detail text,
  CONSTRAINT pk_outbox_attempt PRIMARY KEY (id),
  CONSTRAINT fk_outbox_attempt_outbox_id FOREIGN KEY(outbox_id) REFERENCES outbox (id),
  CONSTRAINT ck_outbox_attempt_outcome CHECK (outcome IN ('begun', 'sent', 'failed', 'refused', 'unclear'))
);
CREATE INDEX ix_outbox_attempt_outbox_id ON outbox_attempt (outbox_id);
"""


def upgrade() -> None:
    """Make both tables and the columns."""
    op.get_bind().connection.cursor().execute(TABLES)
