package tocsin.engine;

import org.apache.lucene.search.MatchAllDocsQuery;
import org.apache.lucene.search.MatchNoDocsQuery;
import org.apache.lucene.search.MultiTermQuery;
import org.apache.lucene.search.Query;
import org.apache.lucene.util.BytesRef;
import org.apache.lucene.util.automaton.CharacterRunAutomaton;
import org.apache.lucene.util.automaton.Operations;
import org.apache.lucene.util.automaton.RegExp;
import org.elasticsearch.common.geo.ShapeRelation;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.common.time.DateMathParser;
import org.elasticsearch.index.fielddata.FieldData;
import org.elasticsearch.index.fielddata.FieldDataContext;
import org.elasticsearch.index.fielddata.IndexFieldData;
import org.elasticsearch.index.fielddata.plain.ConstantIndexFieldData;
import org.elasticsearch.index.mapper.BlockLoader;
import org.elasticsearch.index.mapper.ConstantFieldType;
import org.elasticsearch.index.mapper.ValueFetcher;
import org.elasticsearch.index.query.QueryRewriteContext;
import org.elasticsearch.index.query.SearchExecutionContext;
import org.elasticsearch.script.field.KeywordDocValuesField;
import org.elasticsearch.search.aggregations.support.CoreValuesSourceType;
import org.elasticsearch.search.fetch.StoredFieldsSpec;
import org.elasticsearch.search.lookup.Source;

import java.time.ZoneId;
import java.util.List;
import java.util.Map;

/** How a constant_keyword is searched: each query is decided once, and matches every document or none. */
class ConstantKeywordFieldType extends ConstantFieldType {

    private final String value;

    ConstantKeywordFieldType(String name, String value, Map<String, String> meta) {
        super(name, meta);
        this.value = value;
    }

    /** The value of every document, or null as long as none is known. */
    String value() {
        return value;
    }

    @Override
    public String typeName() {
        return ConstantKeywordMapper.TYPE;
    }

    @Override
    public String familyTypeName() {
        return "keyword";
    }

    @Override
    public String getConstantFieldValue(SearchExecutionContext context) {
        return value;
    }

    @Override
    protected boolean matches(String pattern, boolean caseInsensitive, QueryRewriteContext context) {
        return value != null && Regex.simpleMatch(pattern, value, caseInsensitive);
    }

    @Override
    public Query existsQuery(SearchExecutionContext context) {
        return allIf(value != null);
    }

    @Override
    public Query rangeQuery(
        Object lower,
        Object upper,
        boolean includeLower,
        boolean includeUpper,
        ShapeRelation relation,
        ZoneId zone,
        DateMathParser dates,
        SearchExecutionContext context
    ) {
        if (value == null) {
            return allIf(false);
        }
        int aboveLower = lower == null ? 1 : bytes(value).compareTo(bytes(lower));
        int belowUpper = upper == null ? 1 : bytes(upper).compareTo(bytes(value));
        return allIf(aboveLower >= (includeLower ? 0 : 1) && belowUpper >= (includeUpper ? 0 : 1));
    }

    @Override
    public Query regexpQuery(
        String pattern,
        int syntaxFlags,
        int matchFlags,
        int maxDeterminizedStates,
        MultiTermQuery.RewriteMethod method,
        SearchExecutionContext context
    ) {
        var automaton = Operations.determinize(new RegExp(pattern, syntaxFlags, matchFlags).toAutomaton(), maxDeterminizedStates);
        return allIf(value != null && new CharacterRunAutomaton(automaton).run(value));
    }

    @Override
    public IndexFieldData.Builder fielddataBuilder(FieldDataContext context) {
        return new ConstantIndexFieldData.Builder(value, name(), CoreValuesSourceType.KEYWORD,
            (values, name) -> new KeywordDocValuesField(FieldData.toString(values), name));
    }

    @Override
    public BlockLoader blockLoader(BlockLoaderContext context) {
        return value == null ? BlockLoader.CONSTANT_NULLS : BlockLoader.constantBytes(bytes(value));
    }

    @Override
    public ValueFetcher valueFetcher(SearchExecutionContext context, String format) {
        if (format != null) {
            throw new IllegalArgumentException("field [" + name() + "] of type [" + typeName() + "] takes no format");
        }
        return new ConstantFetcher(value == null ? List.of() : List.of(value));
    }

    private static Query allIf(boolean matches) {
        return matches ? new MatchAllDocsQuery() : new MatchNoDocsQuery();
    }

    private static BytesRef bytes(Object term) {
        return term instanceof BytesRef bytes ? bytes : new BytesRef(term.toString());
    }

    /** Fetches the same values for every document, without reading it. */
    private record ConstantFetcher(List<Object> values) implements ValueFetcher {

        @Override
        public List<Object> fetchValues(Source source, int document, List<Object> ignored) {
            return values;
        }

        @Override
        public StoredFieldsSpec storedFieldsSpec() {
            return StoredFieldsSpec.NO_REQUIREMENTS;
        }
    }
}
