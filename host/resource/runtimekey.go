package resource

import "strings"

// runtimeKeys are the metadata fields that the sidecar reads from components of a
// kind, whatever their plugin says. The plugin still gets them, as in Dapr.
var runtimeKeys = map[string][]Field{
	"state": {
		{Name: "actorStateStore", Type: "bool", Description: "Actors keep their state here."},
		{Name: "keyPrefix", Description: "What is put before keys: appid, name, namespace, none or any text."},
		{Name: "primaryEncryptionKey", Sensitive: true, Description: "Key that values are encrypted with."},
		{Name: "secondaryEncryptionKey", Sensitive: true, Description: "Older key that values are still decrypted with."},
		{Name: "outboxPublishPubsub", Description: "Pub/sub that transactions are published to."},
		{Name: "outboxPublishTopic", Description: "Topic that transactions are published to."},
		{Name: "outboxPubsub", Description: "Pub/sub for the outbox's own messages."},
		{Name: "outboxDiscardWhenMissingState", Type: "bool", Description: "Drop an outbox message whose state is gone."},
	},
	"pubsub": {
		{Name: "consumerID", Description: "Group that the app's subscriptions share; the app id by default."},
		{Name: "publishingScopes", Description: "Topics each app may publish to."},
		{Name: "subscriptionScopes", Description: "Topics each app may subscribe to."},
		{Name: "allowedTopics", Description: "Topics that any app may use."},
		{Name: "protectedTopics", Description: "Topics that only the scopes give."},
		{Name: "concurrencyMode", AllowedValues: []string{"single", "parallel"}, Description: "How many messages are delivered at once."},
	},
	"bindings": {
		{Name: "direction", Description: "input, output or both."},
		{Name: "route", Description: "Path of the app that receives events."},
	},
	"lock": {
		{Name: "keyPrefix", Description: "What is put before keys: appid, name, namespace, none or any text."},
	},
}

// RuntimeFields lists the metadata fields that the sidecar itself reads from
// components of a kind, for documentation.
func RuntimeFields(kind string) []Field { return append([]Field(nil), runtimeKeys[kind]...) }

func (c *Component) runtimeKey(name string) *Field {
	keys := runtimeKeys[c.Kind()]
	for i := range keys {
		if strings.EqualFold(keys[i].Name, name) {
			return &keys[i]
		}
	}
	return nil
}

// runtimeKeys checks the fields that the sidecar reads.
func (d *decoder) runtimeKeys(c *Component) {
	for _, m := range c.Metadata {
		f := c.runtimeKey(m.Name)
		if f == nil {
			continue
		}
		switch f.Name {
		case "primaryEncryptionKey", "secondaryEncryptionKey":
			// Dapr takes a key written out and then, without a secret store, stores
			// plain text: refusing is the only safe answer.
			if m.SecretKeyRef == nil || m.fromEnv() {
				d.reportAt(m.at, CodeEncryptionKey, m.path(), "an encryption key must come from a secretKeyRef", "")
			}
			continue
		case "keyPrefix":
			if m.literal() && strings.Contains(m.Value, "||") {
				d.reportAt(m.at, CodeBadValue, m.path(), `a key prefix cannot contain "||"`, "")
			}
		case "direction":
			d.checkDirection(m)
		}
		if m.literal() && m.HasValue {
			d.checkField(f, m, m.Value)
		}
	}
}

func (d *decoder) checkDirection(m Item) {
	if !m.literal() {
		return
	}
	for part := range strings.SplitSeq(m.Value, ",") {
		if p := strings.ToLower(strings.TrimSpace(part)); p != "input" && p != "output" {
			d.reportAt(m.at, CodeNotAllowedValue, m.path(), quote(strings.TrimSpace(part))+" is not a direction",
				didYouMean(p, []string{"input", "output"}))
		}
	}
}
