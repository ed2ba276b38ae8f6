package tocsin.engine;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.datastreams.DataStreamsActionUtil;
import org.elasticsearch.action.support.IndicesOptions;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.ClusterStateUpdateTask;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.metadata.MetadataDataStreamsService;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.Strings;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.action.RestToXContentListener;

import java.util.List;
import java.util.stream.Collectors;

/**
 * {@code DELETE /_data_stream/NAMES}, so that a test can clear up after itself: a stream's newest index cannot be deleted
 * otherwise. Data streams themselves are the server's own. No privilege is asked for.
 */
class DeleteDataStreamHandler extends BaseRestHandler {

    private static final TimeValue TIMEOUT = TimeValue.timeValueSeconds(30);

    private final ClusterService cluster;
    private final IndexNameExpressionResolver resolver;

    DeleteDataStreamHandler(ClusterService cluster, IndexNameExpressionResolver resolver) {
        this.cluster = cluster;
        this.resolver = resolver;
    }

    @Override
    public String getName() {
        return "delete_data_stream";
    }

    @Override
    public List<Route> routes() {
        return List.of(new Route(RestRequest.Method.DELETE, "/_data_stream/{name}"));
    }

    @Override
    protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
        String[] names = Strings.splitStringByCommaToArray(request.param("name"));
        return channel -> cluster.submitUnbatchedStateUpdateTask(
            "delete-data-stream", new Deletion(names, new RestToXContentListener<>(channel)));
    }

    /** Takes the named streams and their indices out of the cluster state. */
    private class Deletion extends ClusterStateUpdateTask {

        private final String[] names;
        private final ActionListener<AcknowledgedResponse> listener;

        Deletion(String[] names, ActionListener<AcknowledgedResponse> listener) {
            super(TIMEOUT);
            this.names = names;
            this.listener = listener;
        }

        @Override
        public ClusterState execute(ClusterState state) {
            var streams = DataStreamsActionUtil.getDataStreamNames(resolver, state, names, IndicesOptions.LENIENT_EXPAND_OPEN)
                .stream()
                .map(name -> state.metadata().dataStreams().get(name))
                .collect(Collectors.toSet());
            return streams.isEmpty() ? state : MetadataDataStreamsService.deleteDataStreams(state, streams, cluster.getSettings());
        }

        @Override
        public void clusterStateProcessed(ClusterState before, ClusterState after) {
            listener.onResponse(AcknowledgedResponse.TRUE);
        }

        @Override
        public void onFailure(Exception e) {
            listener.onFailure(e);
        }
    }
}
