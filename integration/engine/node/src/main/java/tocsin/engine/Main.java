package tocsin.engine;

import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.ClasspathNode;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.transport.netty4.Netty4Plugin;
import org.elasticsearch.xpack.core.XPackPlugin;
import org.elasticsearch.xpack.esql.core.plugin.EsqlCorePlugin;
import org.elasticsearch.xpack.esql.plugin.EsqlPlugin;
import org.elasticsearch.xpack.kql.KqlPlugin;
import org.elasticsearch.xpack.security.SecurityWithoutSaml;
import org.elasticsearch.xpack.versionfield.VersionFieldPlugin;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

/** Starts the node and keeps it until the process is told to end: {@code Main PORT}; the environment says the rest. */
public class Main {

    /** What the node is made of besides the server itself; the last two are ours. */
    private static final List<Class<? extends Plugin>> PLUGINS = List.of(
        Netty4Plugin.class,
        XPackPlugin.class,
        SecurityWithoutSaml.class,
        VersionFieldPlugin.class,
        EsqlCorePlugin.class,
        KqlPlugin.class,
        EsqlPlugin.class,
        TextAnalysisPlugin.class,
        StandInPlugin.class
    );

    public static void main(String[] args) throws Exception {
        NodeSettings settings = NodeSettings.of(Integer.parseInt(args[0]), System.getenv());
        log(settings.logLevel());
        settings.createDirectories();

        Environment environment = InternalSettingsPreparer.prepareEnvironment(
            settings.build(), Map.of(), settings.home().resolve("config"), () -> "node-1");
        Node node = new ClasspathNode(environment, PLUGINS);
        CountDownLatch closed = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            close(node);
            closed.countDown();
        }));
        node.start();
        closed.await();
    }

    private static void log(String level) {
        LogConfigurator.registerErrorListener();
        LogConfigurator.configureWithoutConfig(Settings.builder().put("logger.level", level).build());
        LogConfigurator.configureESLogging();
    }

    private static void close(Node node) {
        try {
            node.close();
        } catch (IOException e) {
            e.printStackTrace();
        }
    }
}
