package effects

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// MongoDB is a server with a database for each service.
type MongoDB struct{ URI string }

// collection is the one that the state components name.
const collection = "state"

// Documents implements Store.
func (m MongoDB) Documents(ctx context.Context, app string) (_ map[string][]byte, err error) {
	client, err := mongo.Connect(options.Client().ApplyURI(m.URI))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, client.Disconnect(context.WithoutCancel(ctx))) }()
	cursor, err := client.Database(app).Collection(collection).Find(ctx, bson.D{})
	if err != nil {
		return nil, err
	}
	var found []struct {
		Key   string `bson:"_id"`
		Value string `bson:"value"`
	}
	if err := cursor.All(ctx, &found); err != nil {
		return nil, err
	}
	documents := map[string][]byte{}
	for _, d := range found {
		if key, ok := ownKey(app, d.Key); ok {
			documents[key] = []byte(d.Value)
		}
	}
	return documents, nil
}
