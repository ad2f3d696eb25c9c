#!/bin/sh
# Two rules: a client library is included in a few named files only, and arrows point one way.
cd "$(dirname "$0")/.." || exit 1
bad=0

# only HEADER-PATTERN  FILE-PATTERN: nobody else may include it.
only() {
    found=$(grep -lE "#include [<\"]$1" -r include cdc schema sinks --include='*.[ch]' | grep -vE "^($2)$")
    if [ -n "$found" ]; then
        echo "layers: <$1> may be included in $2 only, not in:" $found
        bad=1
    fi
}
# never FOLDER  PATTERN: no file of the folder includes it.
never() {
    found=$(grep -lE "#include \"(\.\./)*(cdc/)?($2)\"" -r $1 --include='*.[ch]')
    if [ -n "$found" ]; then
        echo "layers: $1 may not include $2, found in:" $found
        bad=1
    fi
}
only 'libpq-fe.h'         'cdc/(client|source)/postgres_[a-z]*\.[ch]|sinks/postgres_[a-z]*\.[ch]|cdc/verify/postgres_rows\.c'
only 'librdkafka/'        'sinks/kafka[a-z_]*\.[ch]'
only 'avro.h'             'schema/avro_[a-z]*\.c'
only 'yaml.h'             'cdc/config[a-z_]*\.c'
only 'curl/'              'schema/registry\.c'
only 'sqlite3.h'          'cdc/offsets/sqlite\.c'
only 'mysql.h'            'cdc/client/mysql_conn\.[ch]|cdc/source/mysql_(wire|facts)\.[ch]|sinks/mysql_[a-z]*\.[ch]|cdc/verify/mysql_rows\.c'
only 'zstd.h'             'cdc/decode/binlog_payload\.c'
only 'zlib.h'             'cdc/decode/binlog_(event|compressed)\.c'
only 'openssl/'           'cdc/base/(audit|json)\.c'
only 'iconv.h'            'cdc/decode/binlog_charset_tables\.c'
only 'pthread.h'          'cdc/(ring|pipeline|pipeline_[a-z]*|progress|shape)\.[ch]|cdc/base/(log|failpoint|intern)\.c|cdc/cli/run\.c|sinks/kafka[a-z_]*\.[ch]|schema/registry\.c'
never 'include cdc/base cdc/model cdc/client cdc/decode cdc/source cdc/transform cdc/offsets cdc/verify schema sinks' '(pipeline|pipeline_internal|ring|progress|shape)\.h'
never 'cdc/decode'        '(sink|source)\.h'
never 'cdc/client'        '(source|decode)/.*'
never 'sinks'              '(source|decode)/.*'
never 'cdc/base'          '(batch|change|sink|source|encoder|relation)\.h'
never 'cdc/decode cdc/source cdc/transform schema' 'sinks/.*'
never 'sinks cdc/decode cdc/source'                'schema/.*'
never 'cdc/verify'        '(source|decode|cli|schema)/.*'
never 'include cdc/base cdc/model cdc/client cdc/decode cdc/source cdc/transform cdc/offsets schema sinks' 'verify/.*'
never 'cdc/cli'           '(source|decode)/.*'
never 'cdc/config* include/cdc/config.h'           'source_kind\.h'
[ $bad = 0 ] && echo "layers: ok"
exit $bad
