// Run once by the image's entrypoint, on an empty database: a user per service,
// who reads and writes the database of that service alone.
for (const service of ["operation-service", "user-service"]) {
  const password = process.env[service.toUpperCase().replace("-", "_") + "_PASSWORD"];
  db.getSiblingDB(service).createUser({
    user: service,
    pwd: password,
    roles: [{ role: "readWrite", db: service }],
  });
}
