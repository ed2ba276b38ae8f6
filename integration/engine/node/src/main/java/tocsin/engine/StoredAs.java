package tocsin.engine;

import org.elasticsearch.index.mapper.FieldMapper;
import org.elasticsearch.index.mapper.KeywordFieldMapper;
import org.elasticsearch.index.mapper.Mapper;
import org.elasticsearch.index.mapper.NumberFieldMapper;
import org.elasticsearch.index.mapper.TextFieldMapper;

/** Field types that are stored as a kindred type of the server, under whose name the mapping then shows them. */
class StoredAs {

    /** Longest value, in characters, whose bytes always fit into one Lucene term. */
    private static final int LONGEST_KEYWORD = 8191;

    static final Mapper.TypeParser KEYWORD = new FieldMapper.TypeParser(
        (name, context) -> new KeywordFieldMapper.Builder(name, context).ignoreAbove(LONGEST_KEYWORD));

    static final Mapper.TypeParser TEXT = TextFieldMapper.PARSER;

    static final Mapper.TypeParser DOUBLE = (name, node, context) -> {
        node.put("type", "double");
        node.remove("scaling_factor");
        return NumberFieldMapper.NumberType.DOUBLE.parser().parse(name, node, context);
    };

    private StoredAs() {}
}
