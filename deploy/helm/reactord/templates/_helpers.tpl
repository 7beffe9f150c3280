{{- define "reactord.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "reactord.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "reactord.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "reactord.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "reactord.selector" -}}
app.kubernetes.io/name: {{ include "reactord.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "reactord.labels" -}}
{{ include "reactord.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "reactord.headless" -}}
{{ include "reactord.fullname" . }}-headless
{{- end -}}

{{- define "reactord.tokenSecret" -}}
{{- default (printf "%s-token" (include "reactord.fullname" .)) .Values.token.existingSecret -}}
{{- end -}}

{{- define "reactord.metricsSecret" -}}
{{- default (printf "%s-metrics-token" (include "reactord.fullname" .)) .Values.metrics.existingSecret -}}
{{- end -}}

{{- define "reactord.tlsSecret" -}}
{{- default (printf "%s-tls" (include "reactord.fullname" .)) .Values.tls.secretName -}}
{{- end -}}

{{- /* The name that Prometheus asks the certificate for: that of the service, which is in it at any rate. */ -}}
{{- define "reactord.serverName" -}}
{{ include "reactord.fullname" . }}.{{ .Release.Namespace }}.svc
{{- end -}}

{{- /* The peers of a rule: those that are given, or all pods of the namespace. */ -}}
{{- define "reactord.peers" -}}
{{- if . }}{{ toYaml . }}{{ else }}- podSelector: {}{{ end -}}
{{- end -}}

{{- /* The ports that guests listen at, which no other may have. */ -}}
{{- define "reactord.checkGuestPorts" -}}
{{- $taken := list 7070 (int .Values.service.port) -}}
{{- if .Values.metrics.enabled }}{{ $taken = append $taken (int .Values.metrics.port) }}{{ end -}}
{{- range .Values.guestPorts }}
{{- if has (int .port) $taken }}{{ fail (printf "guestPorts: the port %d of %s is the daemon's own" (int .port) .name) }}{{ end -}}
{{- end -}}
{{- end -}}

{{- define "reactord.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "reactord.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- /* The daemon's file of settings: what the chart decides, and the values of config. */ -}}
{{- define "reactord.config" -}}
{{- $own := dict
      "listen" (list "unix:///run/reactord/reactord.sock" (printf "0.0.0.0:%d" 7070))
      "tls-cert" "/etc/reactord/tls/tls.crt"
      "tls-key" "/etc/reactord/tls/tls.key"
      "data-dir" "/var/lib/reactord"
      "grace-period" (printf "%ds" (int .Values.gracePeriodSeconds)) -}}
{{- if not .Values.token.ofDaemon }}{{ $_ := set $own "api-token-file" "/etc/reactord/token/token" }}{{ end -}}
{{- if .Values.tls.clientCA }}{{ $_ := set $own "tls-client-ca" "/etc/reactord/tls/ca.crt" }}{{ end -}}
{{- if .Values.metrics.enabled }}
{{- $_ := set $own "metrics" (printf "0.0.0.0:%d" (int .Values.metrics.port)) }}
{{- $_ := set $own "metrics-token-file" "/etc/reactord/metrics-token/token" }}
{{- end -}}
{{- range $key, $value := .Values.config }}
{{- if or (hasKey $own $key) (has $key (list "api-token-file" "tls-client-ca" "metrics" "metrics-token-file")) }}{{ fail (printf "config.%s is set by the chart" $key) }}{{ end -}}
{{- $_ := set $own $key $value -}}
{{- end -}}
{{ toYaml $own }}
{{- end -}}
