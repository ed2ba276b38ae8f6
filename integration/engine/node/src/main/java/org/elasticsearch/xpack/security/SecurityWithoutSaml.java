package org.elasticsearch.xpack.security;

import org.elasticsearch.action.ActionRequest;
import org.elasticsearch.action.ActionResponse;
import org.elasticsearch.common.settings.Settings;

import java.util.List;

/**
 * Elastic's security plugin less its SAML actions, whose classes cannot be linked without OpenSAML (not on Maven Central).
 * It lives in this package because only an x-pack plugin may guard the REST layer.
 */
public class SecurityWithoutSaml extends Security {

    public SecurityWithoutSaml(Settings settings) {
        super(settings);
    }

    @Override
    public List<ActionHandler<? extends ActionRequest, ? extends ActionResponse>> getActions() {
        return super.getActions().stream().filter(SecurityWithoutSaml::linkable).toList();
    }

    private static boolean linkable(ActionHandler<?, ?> handler) {
        return !handler.getTransportAction().getSimpleName().contains("Saml");
    }
}
