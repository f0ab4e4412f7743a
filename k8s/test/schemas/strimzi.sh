#!/usr/bin/env bash
# Makes strimzi-VERSION.yaml.gz, the CRDs of Strimzi, from the Java classes that it
# publishes on Maven Central: its chart and its YAML files are in no registry.
# Needs Java 21 (JAVA=path/to/java) and Maven.
#
# Usage: k8s/test/schemas/strimzi.sh 1.2.0
set -euo pipefail
cd "$(dirname "$0")"

version=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat >"$folder/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>registration</groupId><artifactId>crds</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>io.strimzi</groupId><artifactId>api</artifactId><version>$version</version></dependency>
    <dependency><groupId>io.strimzi</groupId><artifactId>crd-generator</artifactId><version>$version</version></dependency>
  </dependencies>
</project>
POM
mvn -q -B -f "$folder/pom.xml" dependency:copy-dependencies -DoutputDirectory="$folder/jars"

model=io.strimzi.api.kafka.model
"${JAVA:-java}" -cp "$folder/jars/*" io.strimzi.crdgenerator.CrdGenerator --yaml \
  "$model.kafka.Kafka=$folder/1.yaml" \
  "$model.nodepool.KafkaNodePool=$folder/2.yaml" \
  "$model.topic.KafkaTopic=$folder/3.yaml" \
  "$model.user.KafkaUser=$folder/4.yaml"
for file in "$folder"/?.yaml; do
  echo "---"
  cat "$file"
done | gzip -9n >"strimzi-$version.yaml.gz"
