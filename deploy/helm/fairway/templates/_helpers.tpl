{{/* Labels of everything. */}}
{{- define "fairway.labels" -}}
app.kubernetes.io/name: fairway
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* What selects the pods of a part: (list "hub" .). */}}
{{- define "fairway.selector" -}}
app.kubernetes.io/name: fairway
app.kubernetes.io/instance: {{ (index . 1).Release.Name }}
app.kubernetes.io/component: {{ index . 0 }}
{{- end }}

{{/* An image: (list .Values.image.hub .). A digest goes before a tag. */}}
{{- define "fairway.image" -}}
{{- $image := index . 0 -}}{{- $root := index . 1 -}}
{{- with $root.Values.image.registry }}{{ . }}/{{ end -}}
{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default $root.Chart.AppVersion }}{{ end -}}
{{- end }}

{{/* Names by which agents and people reach the hub. */}}
{{- define "fairway.names" -}}
{{- $ns := .Release.Namespace -}}
- fairway-hub
- fairway-hub.{{ $ns }}
- fairway-hub.{{ $ns }}.svc
- fairway-hub.{{ $ns }}.svc.cluster.local
- localhost
{{- end }}

{{- define "fairway.port" -}}
{{- regexFind "[0-9]+$" .Values.hub.listen -}}
{{- end }}
