package example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.Network;
import org.testcontainers.containers.output.OutputFrame.OutputType;
import org.testcontainers.containers.startupcheck.OneShotStartupCheckStrategy;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.utility.DockerImageName;
import org.testcontainers.utility.MountableFile;

/** Tests detection rules with Elasticsearch and Tocsin in containers. */
class RulesTest {
  static final Path EXAMPLES = Path.of("..").toAbsolutePath().normalize();
  static final String PASSWORD = "a-password-of-this-suite";
  static final String MAPPING =
      """
      {"settings": {"number_of_replicas": 0},
       "mappings": {"dynamic_templates": [{"texts": {"match_mapping_type": "string", "mapping": {"type": "keyword"}}}],
                    "properties": {"@timestamp": {"type": "date"}}}}
      """;

  static final Network network = Network.newNetwork();
  static final GenericContainer<?> elasticsearch =
      new GenericContainer<>(image("TOCSIN_ELASTICSEARCH_IMAGE", "docker.elastic.co/elasticsearch/elasticsearch:8.19.21"))
          .withNetwork(network)
          .withNetworkAliases("elasticsearch")
          .withExposedPorts(9200)
          .withEnv("discovery.type", "single-node")
          .withEnv("xpack.security.http.ssl.enabled", "false")
          .withEnv("ELASTIC_PASSWORD", PASSWORD)
          .withEnv("ES_JAVA_OPTS", "-Xms512m -Xmx512m")
          .waitingFor(
              Wait.forHttp("/_cluster/health?wait_for_status=yellow&timeout=2s")
                  .withBasicCredentials("elastic", PASSWORD)
                  .withStartupTimeout(Duration.ofMinutes(3)));

  static DockerImageName image(String variable, String otherwise) {
    String given = System.getenv(variable);
    return DockerImageName.parse(given == null || given.isEmpty() ? otherwise : given);
  }

  @BeforeAll
  static void start() {
    elasticsearch.start();
  }

  @AfterAll
  static void stop() {
    elasticsearch.stop();
    network.close();
  }

  @Test
  void shellOfAWebServer() throws Exception {
    load(EXAMPLES.resolve("events.ndjson"));
    String[] slot = {"run", "--once", "--at", "2026-01-15T14:05:00Z", "--rules", "/etc/tocsin/rules"};
    List<String> executions = tocsin(slot);
    assertEquals(1, executions.size());
    assertTrue(executions.get(0).contains("\"status\":\"succeeded\"") && executions.get(0).contains("\"created\":1"), executions.get(0));
    List<String> alerts = tocsin("alerts", "list");
    assertEquals(1, alerts.size());
    assertTrue(alerts.get(0).contains("\"kibana.alert.rule.name\":\"Shell from a web server\""), alerts.get(0));
    assertTrue(tocsin(slot).get(0).contains("\"duplicates\":1"), "the second run makes no second alert");
  }

  /** Runs a command of the image to its end, and returns the lines of JSON that it printed. */
  static List<String> tocsin(String... arguments) {
    try (GenericContainer<?> container =
        new GenericContainer<>(image("TOCSIN_IMAGE", "tocsin"))
            .withNetwork(network)
            .withCopyFileToContainer(MountableFile.forHostPath(EXAMPLES.resolve("rules")), "/etc/tocsin/rules")
            .withEnv("TOCSIN_ELASTICSEARCH", "http://elasticsearch:9200")
            .withEnv("TOCSIN_USERNAME", "elastic")
            .withEnv("TOCSIN_PASSWORD", PASSWORD)
            .withEnv("TOCSIN_FORMAT", "ndjson")
            .withCommand(arguments)
            .withStartupCheckStrategy(new OneShotStartupCheckStrategy().withTimeout(Duration.ofMinutes(2)))) {
      container.start(); // fails unless the exit code is 0
      return container.getLogs(OutputType.STDOUT).lines().filter(line -> !line.isBlank()).toList();
    }
  }

  /** Writes the events of a file: lines with _index, _id and _source. */
  static void load(Path file) throws Exception {
    Pattern event = Pattern.compile("\\{\"_index\":\"([^\"]+)\",\"_id\":\"([^\"]+)\",\"_source\":(.*)\\}");
    StringBuilder bulk = new StringBuilder();
    try (Stream<String> lines = Files.lines(file)) {
      for (String line : lines.toList()) {
        var m = event.matcher(line);
        assertTrue(m.matches(), line);
        bulk.append("{\"create\": {\"_index\": \"%s\", \"_id\": \"%s\"}}\n%s\n".formatted(m.group(1), m.group(2), m.group(3)));
      }
    }
    ask("PUT", "/logs-web-1", "application/json", MAPPING);
    String reply = ask("POST", "/_bulk?refresh=true", "application/x-ndjson", bulk.toString());
    assertFalse(reply.contains("\"errors\":true"), reply);
  }

  static String ask(String method, String path, String kind, String body) throws Exception {
    URI url = URI.create("http://" + elasticsearch.getHost() + ":" + elasticsearch.getMappedPort(9200) + path);
    String credentials = Base64.getEncoder().encodeToString(("elastic:" + PASSWORD).getBytes());
    var request =
        HttpRequest.newBuilder(url)
            .header("Content-Type", kind)
            .header("Authorization", "Basic " + credentials)
            .method(method, BodyPublishers.ofString(body))
            .build();
    var response = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
    assertTrue(response.statusCode() < 300, response.body());
    return response.body();
  }
}
