package tocsin.engine;

import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.common.io.stream.NamedWriteableRegistry;
import org.elasticsearch.common.settings.ClusterSettings;
import org.elasticsearch.common.settings.IndexScopedSettings;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.common.settings.SettingsFilter;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.mapper.Mapper;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.MapperPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.rest.RestController;
import org.elasticsearch.rest.RestHandler;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.Supplier;

/** What the suite needs of Elasticsearch's modules that are not on Maven Central: four field types and two requests. */
public class StandInPlugin extends Plugin implements ActionPlugin, MapperPlugin {

    private PluginServices services;

    @Override
    public Collection<?> createComponents(PluginServices services) {
        this.services = services;
        return List.of();
    }

    @Override
    public Map<String, Mapper.TypeParser> getMappers() {
        return Map.of(
            ConstantKeywordMapper.TYPE, ConstantKeywordMapper.PARSER,
            "wildcard", StoredAs.KEYWORD,
            "match_only_text", StoredAs.TEXT,
            "scaled_float", StoredAs.DOUBLE
        );
    }

    @Override
    public Collection<RestHandler> getRestHandlers(
        Settings settings,
        NamedWriteableRegistry writeables,
        RestController controller,
        ClusterSettings clusterSettings,
        IndexScopedSettings indexSettings,
        SettingsFilter filter,
        IndexNameExpressionResolver resolver,
        Supplier<DiscoveryNodes> nodes,
        Predicate<NodeFeature> features
    ) {
        return List.of(
            new RootHandler(services.clusterService()),
            new DeleteDataStreamHandler(services.clusterService(), resolver)
        );
    }
}
