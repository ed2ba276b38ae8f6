{{- define "tocsin.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "tocsin.fullname" -}}
{{- $name := include "tocsin.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "tocsin.selector" -}}
app.kubernetes.io/name: {{ include "tocsin.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "tocsin.labels" -}}
{{ include "tocsin.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | trimAll "-_." | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "tocsin.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "tocsin.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "tocsin.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* The configuration file. Its keys are those of values.config and what the chart knows; TOML's strings are those of JSON. */}}
{{- define "tocsin.config" -}}
{{- $config := dict "elasticsearch" .Values.elasticsearch.urls "listen" "0.0.0.0:9464" -}}
{{- if or .Values.rules .Values.rulesConfigMaps -}}
{{- $_ := set $config "rules" (list "/etc/tocsin/rules") -}}
{{- else if not .Values.shippedRules -}}
{{- fail "there are no rules: set rules, rulesConfigMaps or shippedRules" -}}
{{- end -}}
{{- if or .Values.elasticsearch.caSecret .Values.elasticsearch.caConfigMap -}}
{{- $_ := set $config "ca-file" "/etc/tocsin/ca/ca.crt" -}}
{{- end -}}
{{- if eq .Values.elasticsearch.authentication "apiKey" -}}
{{- $_ := set $config "api-key-file" "/etc/tocsin/secret/api-key" -}}
{{- else if eq .Values.elasticsearch.authentication "basic" -}}
{{- $_ := set $config "password-file" "/etc/tocsin/secret/password" -}}
{{- end -}}
{{- $config = mergeOverwrite $config (deepCopy .Values.config) -}}
{{- range $key, $value := $config }}
{{ $key }} = {{ toJson $value }}
{{- end -}}
{{- end -}}
