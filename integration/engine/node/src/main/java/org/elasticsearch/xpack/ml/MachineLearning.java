package org.elasticsearch.xpack.ml;

import org.elasticsearch.license.License;
import org.elasticsearch.license.LicensedFeature;

/**
 * The two constants of x-pack-ml (not on Maven Central) that ES|QL reads before it runs CATEGORIZE or CHANGE_POINT.
 * With them a basic licence refuses the query as it should; without them the request's thread dies and nothing answers.
 */
public class MachineLearning {

    public static final LicensedFeature.Momentary CATEGORIZE_TEXT_AGG_FEATURE = platinum("categorize-text-agg");

    public static final LicensedFeature.Momentary CHANGE_POINT_AGG_FEATURE = platinum("change-point-agg");

    private static LicensedFeature.Momentary platinum(String name) {
        return LicensedFeature.momentary("machine-learning", name, License.OperationMode.PLATINUM);
    }
}
