package org.elasticsearch.plugins;

import org.elasticsearch.Build;
import org.elasticsearch.action.admin.cluster.node.info.PluginsAndModules;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;

import java.lang.reflect.Constructor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.Set;

/**
 * The plugins of a node that has no modules directory: given classes, one class loader for all.
 * It lives in this package because a loaded plugin can only be described from here.
 */
public class ClasspathPluginsService extends PluginsService {

    private final List<LoadedPlugin> loaded;

    public ClasspathPluginsService(Environment environment, List<Class<? extends Plugin>> classes) {
        super(environment.settings(), environment.configDir(), new PluginsLoader(Set.of(), Set.of(), Map.of()));
        List<LoadedPlugin> plugins = new ArrayList<>();
        for (Class<? extends Plugin> type : classes) {
            plugins.add(load(type, environment));
        }
        loaded = List.copyOf(plugins);
        loadExtensions(loaded);
    }

    private LoadedPlugin load(Class<? extends Plugin> type, Environment environment) {
        Settings settings = environment.settings();
        return new LoadedPlugin(describe(type), loadPlugin(type, settings, environment.configDir()), type.getClassLoader());
    }

    private static PluginDescriptor describe(Class<? extends Plugin> type) {
        String name = type.getName();
        String java = Integer.toString(Runtime.version().feature());
        String release = Build.current().version();
        return new PluginDescriptor(name, "on the classpath", "NA", release, java, name, null, List.of(), false, false, false, false);
    }

    /** Is asked by the superclass's constructor already, before there is a list. */
    @Override
    protected List<LoadedPlugin> plugins() {
        return loaded == null ? List.of() : loaded;
    }

    @Override
    public PluginsAndModules info() {
        return new PluginsAndModules(List.of(), loaded.stream().map(LoadedPlugin::descriptor).toList());
    }

    /** The providers that the jars declare for a service, less those that cannot be made. */
    @Override
    public <T> List<? extends T> loadServiceProviders(Class<T> service) {
        List<T> made = new ArrayList<>();
        ServiceLoader.load(service, getClass().getClassLoader()).stream().forEach(provider -> {
            try {
                made.add(make(provider));
            } catch (ReflectiveOperationException | LinkageError | RuntimeException e) {
                System.err.println("no " + service.getName() + " from " + provider.type().getName() + ": " + e);
            }
        });
        return made;
    }

    /** Gives the provider its plugin where its constructor wants one, as Elasticsearch does. */
    private <T> T make(ServiceLoader.Provider<T> provider) throws ReflectiveOperationException {
        for (Constructor<?> constructor : provider.type().getConstructors()) {
            for (LoadedPlugin plugin : loaded) {
                Class<?>[] wanted = constructor.getParameterTypes();
                if (wanted.length == 1 && wanted[0].isInstance(plugin.instance())) {
                    return provider.type().cast(constructor.newInstance(plugin.instance()));
                }
            }
        }
        return provider.get();
    }
}
