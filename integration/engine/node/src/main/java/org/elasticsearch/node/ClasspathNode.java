package org.elasticsearch.node;

import org.elasticsearch.env.Environment;
import org.elasticsearch.plugins.ClasspathPluginsService;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.plugins.PluginsLoader;
import org.elasticsearch.plugins.PluginsService;

import java.util.List;

/**
 * A production node whose plugins are classes of the classpath; nothing else of it is replaced.
 * It lives in this package because the way a node is constructed is package-private.
 */
public class ClasspathNode extends Node {

    public ClasspathNode(Environment environment, List<Class<? extends Plugin>> plugins) {
        super(NodeConstruction.prepareConstruction(environment, null, new Plugins(plugins), true));
    }

    /** Answers the one question of node construction that has to do with plugins. */
    private static class Plugins extends NodeServiceProvider {

        private final List<Class<? extends Plugin>> classes;

        Plugins(List<Class<? extends Plugin>> classes) {
            this.classes = classes;
        }

        @Override
        PluginsService newPluginService(Environment environment, PluginsLoader ignored) {
            return new ClasspathPluginsService(environment, classes);
        }
    }
}
