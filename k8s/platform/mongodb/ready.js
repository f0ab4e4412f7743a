// Makes the replica set of one member if there is none, and fails until that
// member takes writes.
const mongo = connect("mongodb://127.0.0.1:27017/admin?directConnection=true", "root", process.env.MONGO_INITDB_ROOT_PASSWORD);
try {
  mongo.adminCommand({ replSetGetStatus: 1 });
} catch (error) {
  if (error.codeName !== "NotYetInitialized") throw error;
  mongo.adminCommand({
    replSetInitiate: { _id: "rs0", members: [{ _id: 0, host: "mongodb-0.mongodb.registration.svc:27017" }] },
  });
}
if (!mongo.hello().isWritablePrimary) quit(1);
