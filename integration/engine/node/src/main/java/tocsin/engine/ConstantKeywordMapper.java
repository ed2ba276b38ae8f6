package tocsin.engine;

import org.elasticsearch.index.mapper.DocumentParserContext;
import org.elasticsearch.index.mapper.FieldMapper;
import org.elasticsearch.index.mapper.MapperBuilderContext;

import java.io.IOException;
import java.util.Map;
import java.util.Objects;

/**
 * The field type constant_keyword: one value for all documents of an index, named by the mapping or by the first document
 * that has one. A document with another value is refused.
 */
class ConstantKeywordMapper extends FieldMapper {

    static final String TYPE = "constant_keyword";

    static final TypeParser PARSER = new TypeParser((name, context) -> new Builder(name));

    private ConstantKeywordMapper(String leafName, ConstantKeywordFieldType type, BuilderParams params) {
        super(leafName, type, params);
    }

    private String value() {
        return ((ConstantKeywordFieldType) fieldType()).value();
    }

    @Override
    protected String contentType() {
        return TYPE;
    }

    @Override
    public FieldMapper.Builder getMergeBuilder() {
        return new Builder(leafName()).init(this);
    }

    @Override
    protected void parseCreateField(DocumentParserContext context) throws IOException {
        String found = context.parser().textOrNull();
        if (found == null) {
            throw refuse("null");
        }
        if (value() == null) {
            context.addDynamicMapper(withValue(found).build(context.createDynamicMapperBuilderContext()));
        } else if (!found.equals(value())) {
            throw refuse(found);
        }
    }

    private Builder withValue(String value) {
        Builder builder = new Builder(leafName());
        builder.init(this);
        builder.value.setValue(value);
        return builder;
    }

    private IllegalArgumentException refuse(String found) {
        return new IllegalArgumentException(
            "field [" + fullPath() + "] of type [" + TYPE + "] holds [" + value() + "] in every document, not [" + found + "]");
    }

    /** Reads the type's parameters; a value once known may not change. */
    private static class Builder extends FieldMapper.Builder {

        private final Parameter<Map<String, String>> meta = Parameter.metaParam();

        private final Parameter<String> value = new Parameter<>(
            "value",
            true,
            () -> null,
            (name, context, written) -> Objects.toString(written, null),
            mapper -> ((ConstantKeywordMapper) mapper).value(),
            (out, name, known) -> out.field(name, known),
            known -> known
        );

        Builder(String leafName) {
            super(leafName);
            value.acceptsNull();
            value.setMergeValidator((before, after, conflicts) -> before == null || before.equals(after));
            value.setSerializerCheck((withDefaults, configured, known) -> known != null);
        }

        @Override
        protected Parameter<?>[] getParameters() {
            return new Parameter<?>[] { value, meta };
        }

        @Override
        public ConstantKeywordMapper build(MapperBuilderContext context) {
            String fullName = context.buildFullName(leafName());
            var type = new ConstantKeywordFieldType(fullName, value.getValue(), meta.getValue());
            return new ConstantKeywordMapper(leafName(), type, builderParams(this, context));
        }
    }
}
