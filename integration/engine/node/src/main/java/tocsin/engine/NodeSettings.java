package tocsin.engine;

import org.elasticsearch.common.settings.KeyStoreWrapper;
import org.elasticsearch.common.settings.Settings;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The node's settings, from its port and the variables that run.sh documents. */
class NodeSettings {

    private final int port;
    private final Map<String, String> environment;

    private NodeSettings(int port, Map<String, String> environment) {
        this.port = port;
        this.environment = environment;
    }

    static NodeSettings of(int port, Map<String, String> environment) {
        return new NodeSettings(port, environment);
    }

    String logLevel() {
        return value("ES_LOG", "INFO");
    }

    Path home() {
        return Path.of(value("ES_HOME", "home-" + port)).toAbsolutePath();
    }

    void createDirectories() throws IOException {
        for (String name : List.of("config", "data", "logs", "plugins", "modules", "lib")) {
            Files.createDirectories(home().resolve(name));
        }
    }

    Settings build() throws Exception {
        Settings.Builder settings = Settings.builder()
            .put("cluster.name", "tocsin-integration")
            .put("node.name", "node-1")
            .put("path.home", home().toString())
            .put("path.data", home().resolve("data").toString())
            .put("path.logs", home().resolve("logs").toString())
            .put("discovery.type", "single-node")
            .put("network.host", value("ES_HOST", "127.0.0.1"))
            .put("http.port", port)
            .put("transport.port", value("ES_TRANSPORT_PORT", String.valueOf(port + 100)))
            // A test node on a full disk should fail on the disk, not turn read-only behind a test's back.
            .put("cluster.routing.allocation.disk.threshold_enabled", false);
        secure(settings, value("ES_PASSWORD", ""));
        for (String setting : value("ES_SETTINGS", "").split(";")) {
            int equals = setting.indexOf('=');
            if (equals > 0) {
                settings.put(setting.substring(0, equals).trim(), setting.substring(equals + 1).trim());
            }
        }
        return settings.build();
    }

    /** Turns security on where there is a password for the superuser "elastic"; HTTP stays plain either way. */
    private static void secure(Settings.Builder settings, String password) throws Exception {
        settings.put("xpack.security.enabled", !password.isEmpty());
        if (password.isEmpty()) {
            return;
        }
        KeyStoreWrapper keystore = KeyStoreWrapper.create();
        keystore.setString("bootstrap.password", password.toCharArray());
        settings.setSecureSettings(keystore);
        settings.put("xpack.security.authc.api_key.enabled", true)
            .put("xpack.security.transport.ssl.enabled", false)
            .put("xpack.security.http.ssl.enabled", false);
    }

    private String value(String name, String otherwise) {
        String value = environment.get(name);
        return value == null || value.isEmpty() ? otherwise : value;
    }
}
