package anomaly

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
	"tocsin/internal/translate"
)

// resultFields are the fields of the results of machine learning jobs as Elasticsearch maps them. Event files need them,
// as they have no mapping.
var resultFields = mapping.Table{
	"job_id":       {Name: "job_id", Type: mapping.Keyword},
	"result_type":  {Name: "result_type", Type: mapping.Keyword},
	"is_interim":   {Name: "is_interim", Type: mapping.Boolean},
	"record_score": {Name: "record_score", Type: mapping.Double},
	"timestamp":    {Name: "timestamp", Type: mapping.Date},
}

// anomalyQuery selects the final records of jobs with at least a certain score. A rule has the jobs and the score instead
// of a query text.
type anomalyQuery struct{ rule.MachineLearning }

var _ translate.Query = anomalyQuery{}

// String returns the query in KQL.
func (q anomalyQuery) String() string {
	text := fmt.Sprintf("result_type:record and is_interim:false and record_score >= %d", q.AnomalyThreshold)
	if q.all() {
		return text
	}
	return text + " and job_id:(" + strings.Join(q.JobIDs, " or ") + ")"
}

// all reports whether the rule is about all jobs, which Kibana writes as *.
func (q anomalyQuery) all() bool { return slices.Equal(q.JobIDs, []string{"*"}) }

func (anomalyQuery) Names() []string {
	return []string{"is_interim", "job_id", "record_score", "result_type", "timestamp"}
}

func (anomalyQuery) Shape() translate.Shape { return translate.Events }

func (anomalyQuery) Limits() []translate.Limit { return nil }

func (q anomalyQuery) Lower(mapping.Fields) (condition.Expr, diag.List) {
	where := condition.And{
		condition.Term{Field: "result_type", Value: "record"},
		condition.Term{Field: "is_interim", Value: false},
		condition.Range{Field: "record_score", Gte: int64(q.AnomalyThreshold)},
	}
	if !q.all() {
		where = append(where, jobs(q.JobIDs))
	}
	return where, nil
}

func (anomalyQuery) LowerSteps(mapping.Fields) (*translate.Steps, diag.List) { return nil, nil }

// jobs returns the condition for the results of jobs.
func jobs(ids []string) condition.Expr {
	values := make([]any, len(ids))
	for i, id := range ids {
		values[i] = id
	}
	return condition.Simplify(condition.Terms{Field: "job_id", Values: values})
}
